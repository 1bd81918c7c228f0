import { randomBytes } from 'node:crypto'
import { patternsOverlap } from '../../shared/acl.ts'
import { OptionError } from '../../shared/codes.ts'
import { isSessionPayload } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { AccessOptions, Options, Rule } from '../options/options.ts'
import { mintWithKey } from '../token/edgeauth-mint.ts'

export interface MintAccessOptions {
  /**
   * ACL: one pattern or several. `*` stands for anything, `/` included; `?` for one character.
   * @default everything that the rule matches
   */
  readonly path?: string | readonly string[] | undefined
  /** Seconds from now until the token ends. Keep it short: it only has to last until playback starts. */
  readonly ttlSeconds: number
  /** Who it is for, such as a user id; becomes `id`, and goes over into the session. */
  readonly subject?: string | undefined
  /** The one client address that may use it. */
  readonly ip?: string | undefined
  /** Carried along as `data`. */
  readonly payload?: string | undefined
  /** Name of the rule it is for. Left out: the first rule that serves something of it. */
  readonly rule?: string | undefined
}

export interface MintedAccess {
  readonly token: string
  /** The name under which requests carry it. */
  readonly parameter: string
  readonly rule: string
  readonly expiresAt: number
}

/**
 * Mints an access token for a rule, with the rule's own key and settings.
 *
 * @throws {OptionError} naming the option: no such rule, a life beyond the rule's maximum, text that no
 *   token can carry
 */
export function mintAccess(
  options: Options,
  wanted: MintAccessOptions,
  now: EpochSeconds,
): MintedAccess {
  const { rule, access } = ruleFor(options, wanted)
  const { ttlSeconds, payload } = wanted
  if (rule.session?.limit && !wanted.subject) {
    throw problem('subject', `${rule.name} counts streams (session.maxConcurrent): say whose`)
  }
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw problem('ttlSeconds', 'not a whole number of seconds, 1 or more')
  }
  if (ttlSeconds > access.maxLifetimeSeconds) {
    throw problem(
      'ttlSeconds',
      `more than maxLifetimeSeconds of ${rule.name} (${access.maxLifetimeSeconds})`,
    )
  }
  if (isSessionPayload(payload)) throw problem('payload', 'begins like the data of a session token')
  const expiresAt = now + ttlSeconds
  const token = mintWithKey(
    {
      mode: 'acl',
      path: wanted.path ?? rule.match.paths,
      endTime: expiresAt,
      sessionId: access.escapeEarly ? wanted.subject : wanted.subject?.replaceAll('%', '%25'),
      ip: wanted.ip,
      payload: access.singleUse === null ? payload : unique(payload),
      salt: access.salt,
      algorithm: access.scheme.algorithm,
      escapeEarly: access.escapeEarly,
      escapeProfile: access.scheme.urlEscape ?? undefined,
    },
    access.keys.primary,
  )
  return { token, parameter: access.parameter, rule: rule.name, expiresAt }
}

function ruleFor(
  { rules }: Options,
  { rule: name, path }: MintAccessOptions,
): { rule: Rule; access: AccessOptions } {
  const entries = path === undefined ? null : typeof path === 'string' ? path.split('!') : path
  for (const entry of entries ?? []) {
    if (!/^[/*]/.test(entry)) throw problem('path', `begins with neither / nor *: ${entry}`)
  }
  const candidates = rules.filter(({ access }) => access.length > 0)
  const known = candidates.map((candidate) => candidate.name).join(', ') || 'none'
  const named = name === undefined ? candidates : candidates.filter((rule) => rule.name === name)
  if (named.length === 0) {
    throw problem('rule', `no rule of that name asks for tokens (there: ${known})`)
  }
  const fitting = named.find(
    (rule) => entries === null || entries.some((entry) => meets(rule, entry)),
  )
  const access = fitting?.access[0]
  if (fitting === undefined || access === undefined) {
    throw problem(
      'path',
      `the token would open nothing: no rule takes in ${entries?.join(', ')} (there: ${known})`,
    )
  }
  return { rule: fitting, access }
}

/** Is there something that the ACL opens and the rule serves? */
function meets({ match }: Rule, entry: string): boolean {
  const acl = match.ignoreCase ? entry.toLowerCase() : entry
  return match.paths.some((path) => {
    const pattern = match.ignoreCase ? path.toLowerCase() : path
    return patternsOverlap(pattern, acl)
  })
}

/** Tokens that agree in every field are one token to single use, and two viewers must not share one. */
function unique(payload: string | undefined): string {
  const nonce = `n=${randomBytes(12).toString('hex')}`
  return payload === undefined ? nonce : `${payload},${nonce}`
}

function problem(path: string, message: string): OptionError {
  return new OptionError([{ path, message }])
}
