import type { TimedAccess } from '../options/options.ts'
import { mintTimed } from '../token/timed.ts'
import { type MintAccessOptions, type MintTimes, problem } from './mint-access.ts'

/** @throws {OptionError} a life out of bounds, an address or a domain that is none */
export function mintTimedAccess(
  { sealingKeys }: TimedAccess,
  { ip, referrer }: MintAccessOptions,
  { now, ttlSeconds }: MintTimes,
): string {
  const key = sealingKeys?.[0]
  if (key === undefined) throw problem('format', 'timed tokens of this rule are kept in the store')
  return mintTimed(key, { lifeSeconds: ttlSeconds, clientIp: ip, referrer, now })
}
