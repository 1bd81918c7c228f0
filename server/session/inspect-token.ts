import { decodeOnce } from '../../shared/query.ts'
import { isSessionPayload, parseTokenText, type TokenFields } from '../../shared/token-text.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import type { Options } from '../options/options.ts'
import {
  type EdgeauthProof,
  type EdgeauthRefusal,
  type EdgeauthScheme,
  proveReceived,
  verifyReceived,
} from '../token/edgeauth-verify.ts'
import type { RequestFacts } from './request-facts.ts'
import { saltFor } from './salt.ts'

export interface InspectedToken {
  readonly format: 'edgeauth'
  readonly kind: 'access' | 'session'
  /** As they stand in the token, not proven. */
  readonly fields: TokenFields
  /** What each rule says to it; empty without a configuration. */
  readonly verdicts: readonly Verdict[]
}

export interface Verdict {
  readonly rule: string
  readonly valid: boolean
  /** Which key made the signature. */
  readonly key?: 'primary' | 'transition'
  /** Why not. */
  readonly reason?: string
  readonly detail: string
}

/** What to judge a token by besides the clock. Without a path, its ACL is not judged. */
export interface InspectFacts extends Pick<RequestFacts, 'headers' | 'host'> {
  readonly path: string | null
  readonly query: string
  readonly clientAddress: string | undefined
  readonly now: EpochSeconds
}

/** The number of hex digits for SHA-256, SHA-1 and MD5. */
const macLengths = [64, 40, 32]

/**
 * Takes a token apart and asks each rule about it.
 *
 * @returns `null` for text that is no EdgeAuth token
 */
export function inspectToken(
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken | null {
  const parsed = [text, decodeOnce(text)]
    .flatMap((spelling) => macLengths.map((digits) => parseTokenText(spelling, digits)))
    .find((attempt) => attempt.ok)
  if (!parsed?.ok) return null
  const kind = isSessionPayload(parsed.fields.data) ? 'session' : 'access'
  const verdicts = (options?.rules ?? []).flatMap((rule) => {
    if (kind === 'session') {
      if (rule.session === null) return []
      const { scheme } = rule.session
      // Derived from each access entry's keys in turn, so which one it was tells nothing to a person.
      const { key: _key, ...said } = verdict(
        rule.name,
        text,
        scheme,
        saltFor(facts, rule.session),
        facts,
      )
      return [said.valid ? { ...said, detail: 'verifies' } : said]
    }
    return rule.access.map(({ scheme, salt }) => verdict(rule.name, text, scheme, salt, facts))
  })
  return { format: 'edgeauth', kind, fields: parsed.fields, verdicts }
}

function verdict(
  rule: string,
  text: string,
  scheme: EdgeauthScheme,
  salt: string,
  facts: InspectFacts,
): Verdict {
  const result = judge(text, scheme, salt, facts)
  if (!result.ok) {
    return { rule, valid: false, reason: result.reason, detail: result.detail }
  }
  const key = result.keyIndex === 0 ? 'primary' : 'transition'
  return { rule, valid: true, key, detail: `verifies with the ${key} key` }
}

function judge(
  text: string,
  scheme: EdgeauthScheme,
  salt: string,
  { path, query, clientAddress: clientIp, now }: InspectFacts,
): EdgeauthProof | EdgeauthRefusal {
  if (path !== null) {
    return verifyReceived(text, scheme, { path, query, salt, clientIp, now })
  }
  const proof = proveReceived(text, scheme, { path: '/', query, salt })
  if (!proof.ok) return proof
  if (proof.claims.endTime + scheme.clockSkewSeconds < now) {
    return { ok: false, reason: 'expired', detail: 'expired' }
  }
  return proof
}
