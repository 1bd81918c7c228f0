import type { OutboundAnswer } from '../origin/outbound.ts'

/** What an approving answer says beyond yes. It may narrow what the rule and the token allow, never widen it. */
export interface RemoteGrants {
  /** `Playgate-Subject`: who plays, for a token that names nobody. */
  readonly subject?: string
  /** `Playgate-Max-Concurrent`: streams of that subject at a time. */
  readonly maxConcurrent?: number
  /** `Playgate-Max-Lifetime`: seconds that the session may last. */
  readonly maxLifetimeSeconds?: number
}

const forms = {
  'playgate-subject': /^[!-~]{1,256}$/,
  'playgate-max-concurrent': /^[1-9]\d{0,5}$/,
  'playgate-max-lifetime': /^[1-9]\d{0,8}$/,
} as const

type Name = keyof typeof forms

/**
 * Reads those headers of an answer. A limit that we do not understand is one that we would not keep, so one bad
 * value spoils the answer, and so does a header that comes twice.
 *
 * @returns the name of the header that is no good, instead of the grants
 */
export function readGrants(headers: OutboundAnswer['headers']): RemoteGrants | Name {
  const found: Partial<Record<Name, string>> = {}
  for (const name of Object.keys(forms) as Name[]) {
    const value = headers[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || !forms[name].test(value)) return name
    found[name] = value
  }
  const subject = found['playgate-subject']
  const concurrent = found['playgate-max-concurrent']
  const lifetime = found['playgate-max-lifetime']
  return {
    ...(subject !== undefined && { subject }),
    ...(concurrent !== undefined && { maxConcurrent: Number(concurrent) }),
    ...(lifetime !== undefined && { maxLifetimeSeconds: Number(lifetime) }),
  }
}
