import type { EctokenAccess, Rule } from '../options/options.ts'
import { isEctokenName } from '../token/ectoken-params.ts'
import { serializeParams } from '../token/ectoken-serialize.ts'
import { maxPlaintextBytes, sealText } from '../token/seal.ts'
import { type MintAccessOptions, type MintTimes, problem } from './mint-access.ts'

/** The parameters that other options write. */
const written: readonly string[] = ['ec_expire', 'ec_url_allow', 'ec_clientip']

/** @throws {OptionError} a life beyond the rule's maximum, patterns that are no beginnings, values that no parameter takes */
export function mintEctoken(
  rule: Rule,
  access: EctokenAccess,
  { path, ip, params = {} }: MintAccessOptions,
  { ttlSeconds, expiresAt }: MintTimes,
): string {
  const { maxLifetimeSeconds } = access
  if (maxLifetimeSeconds !== null && ttlSeconds > maxLifetimeSeconds) {
    throw problem(
      'ttlSeconds',
      `more than maxLifetimeSeconds of ${rule.name} (${maxLifetimeSeconds})`,
    )
  }
  for (const name of Object.keys(params)) {
    if (written.includes(name)) throw problem(`params.${name}`, 'is said by ttlSeconds, path or ip')
    if (!isEctokenName(name)) throw problem(`params.${name}`, 'is no parameter of an ectoken')
  }
  const patterns =
    path === undefined ? rule.match.paths : typeof path === 'string' ? path.split('!') : path
  const text = serializeParams({
    ...params,
    ec_expire: expiresAt,
    ec_url_allow: patterns.map(beginningOf),
    ec_clientip: ip,
  })
  if (Buffer.byteLength(text) > maxPlaintextBytes) {
    throw problem('path', `with params, more than an ectoken holds (${maxPlaintextBytes} bytes)`)
  }
  return sealText(access.keys.primary, text)
}

/** An ectoken opens whatever begins with a text (token-formats section 2.3): to say less would be to promise too much. */
function beginningOf(pattern: string): string {
  const beginning = pattern.slice(0, -1)
  if (pattern.endsWith('*') && !/[*?]/.test(beginning)) return beginning === '' ? '/' : beginning
  throw problem('path', `an ectoken opens what begins with a text: end ${pattern} with its only *`)
}
