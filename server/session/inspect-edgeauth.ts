import { decodeOnce } from '../../shared/query.ts'
import { isSessionPayload, parseTokenText, type TokenFields } from '../../shared/token-text.ts'
import { checkClientIp } from '../claim/client-ip.ts'
import { checkPathAcl } from '../claim/path-acl.ts'
import { checkTimeWindow } from '../claim/time-window.ts'
import type { EdgeauthAccess, Options, SessionOptions } from '../options/options.ts'
import { type EdgeauthScheme, proveReceived } from '../token/edgeauth-verify.ts'
import { edgeauthFormat } from './edgeauth-format.ts'
import {
  type InspectedToken,
  type InspectFacts,
  judgeEnding,
  type Verdict,
} from './inspect-token.ts'
import { isCastToken, receivedSalt } from './salt.ts'

/** The number of hex digits for SHA-256, SHA-1 and MD5. */
const macLengths = [64, 40, 32]

/**
 * Takes an EdgeAuth token apart, an access token or a session token, and asks each rule about it.
 *
 * @returns `null` for text that is no EdgeAuth token
 */
export function inspectEdgeauth(
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken | null {
  const parsed = [text, decodeOnce(text)]
    .flatMap((spelling) => macLengths.map((digits) => parseTokenText(spelling, digits)))
    .find((attempt) => attempt.ok)
  if (!parsed?.ok) return null
  const kind = isSessionPayload(parsed.fields.data) ? 'session' : 'access'
  const verdicts = (options?.rules ?? []).flatMap((rule): Verdict[] => {
    if (kind === 'access') {
      return rule.access.flatMap((access) =>
        access.format === 'edgeauth'
          ? [judgeAccess(rule.name, text, parsed.fields, access, facts)]
          : [],
      )
    }
    return rule.session === null ? [] : [judgeSession(rule.name, text, rule.session, facts)]
  })
  return { format: 'edgeauth', kind, fields: { ...parsed.fields }, verdicts }
}

function judgeAccess(
  rule: string,
  text: string,
  fields: TokenFields,
  access: EdgeauthAccess,
  facts: InspectFacts,
): Verdict {
  if (fields.acl === undefined && facts.path === null) {
    const detail = 'made for one URL: give its path to have it judged'
    return { rule, valid: false, reason: 'not-judged', detail }
  }
  const verdict = judge(rule, text, access, access.salt, facts)
  return judgeEnding(verdict, access, edgeauthFormat.identify(access, text), facts)
}

function judgeSession(
  rule: string,
  text: string,
  session: SessionOptions,
  facts: InspectFacts,
): Verdict {
  const { salt, saltHeaders } = session
  if (
    salt === '' &&
    saltHeaders.length > 0 &&
    !isCastToken(text) &&
    !saltHeaders.some((name) => facts.headers.has(name))
  ) {
    const detail = `signed with headers of its viewer: give those of ${saltHeaders.join(', ')} that he sends`
    return { rule, valid: false, reason: 'not-judged', detail }
  }
  const { key: _key, ...verdict } = judge(
    rule,
    text,
    session,
    receivedSalt(text, facts, session),
    facts,
  )
  // Session keys are derived from each access entry's keys in turn: which one it was tells a person nothing.
  const detail = verdict.detail.replace(/ with the \w+ key/, '')
  return { ...verdict, detail }
}

interface Judging {
  readonly scheme: EdgeauthScheme
  readonly maxLifetimeSeconds: number
}

function judge(
  rule: string,
  text: string,
  { scheme, maxLifetimeSeconds }: Judging,
  salt: string,
  { path, query, clientAddress: clientIp, now }: InspectFacts,
): Verdict {
  const refuse = (reason: string, detail: string): Verdict => ({
    rule,
    valid: false,
    reason,
    detail,
  })
  const proof = proveReceived(text, scheme, { path: path ?? '/', query, salt })
  if (!proof.ok) return refuse(proof.reason, proof.detail)

  const { ip, acl, endTime } = proof.claims
  const { clockSkewSeconds } = scheme
  const time = checkTimeWindow(proof.claims, { now, clockSkewSeconds })
  if (!time.ok) return refuse(time.reason, time.detail)
  if (endTime > now + maxLifetimeSeconds) {
    return refuse('too-long', `ends more than maxLifetimeSeconds (${maxLifetimeSeconds}) from now`)
  }
  const unjudged: string[] = []
  if (ip !== undefined) {
    if (clientIp === undefined) unjudged.push('its address')
    else {
      const address = checkClientIp({ ip }, { clientIp })
      if (!address.ok) return refuse(address.reason, address.detail)
    }
  }
  if (acl !== undefined) {
    if (path === null) unjudged.push('its paths')
    else {
      const covered = checkPathAcl({ acl }, { path })
      if (!covered.ok) return refuse(covered.reason, covered.detail)
    }
  }
  const key = proof.keyIndex === 0 ? 'primary' : 'transition'
  const rest = unjudged.length === 0 ? '' : `; not judged: ${unjudged.join(', ')}`
  return { rule, valid: true, key, detail: `verifies with the ${key} key${rest}` }
}
