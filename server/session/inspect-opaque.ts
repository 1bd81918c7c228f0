import type {
  AccessOptions,
  EctokenAccess,
  ManagedAccess,
  Options,
  TimedAccess,
} from '../options/options.ts'
import { judgeParams } from '../token/ectoken-check.ts'
import { openEctoken } from '../token/ectoken-open.ts'
import type { EctokenName, EctokenParams } from '../token/ectoken-params.ts'
import { managedTokenId } from '../token/managed.ts'
import { openTimed } from '../token/timed-text.ts'
import { type BearerLimits, bearerDemands } from './bearer-demands.ts'
import { describeDemand, describeEnd } from './describe-failure.ts'
import type { InspectedToken, InspectFacts, Verdict } from './inspect-token.ts'
import { headerText } from './request-facts.ts'

/** What one rule finds in a token that it can open. */
interface Opened {
  readonly fields: Readonly<Record<string, unknown>>
  readonly keyIndex: number
  readonly params: EctokenParams | null
  readonly policy: EctokenAccess['policy']
}

/** An ectoken or a sealed timed token: it says nothing to whoever has not its key. */
export function inspectOpened(
  format: 'ectoken' | 'timed',
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken {
  let fields: InspectedToken['fields'] = null
  const verdicts = entriesOf(options, format).map(({ rule, access }): Verdict => {
    const opened = open(access, text)
    if (opened === null) {
      return { rule, valid: false, reason: 'unreadable', detail: 'no key of this rule opens it' }
    }
    fields ??= opened.fields
    const key = opened.keyIndex === 0 ? 'primary' : 'transition'
    return { key, ...judge(rule, opened.params, opened.policy, facts, `opens with the ${key} key`) }
  })
  return { format, kind: 'access', fields, verdicts }
}

/** A token that the store keeps: its text says nothing at all. */
export function inspectKept(
  format: 'managed' | 'timed',
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken {
  const record = facts.kept?.get(managedTokenId(text))
  const isThere = record !== undefined && record !== 'unknown' && record !== 'unavailable'
  const verdicts = entriesOf(options, format).map(({ rule, access }): Verdict => {
    const refuse = (reason: string, detail: string) => ({ rule, valid: false, reason, detail })
    if (record === undefined) return refuse('not-judged', 'nobody asked the store for it')
    if (record === 'unavailable') return refuse('store-unavailable', 'the store does not answer')
    if (record === 'unknown') return refuse('unknown', 'never made, revoked, or ended')
    if ((access as ManagedAccess | TimedAccess).realm !== record.realm) {
      return refuse('other-realm', `made for the realm ${record.realm}`)
    }
    const end = record.endsAtMs === null ? 'has no end' : `good until ${iso(record.endsAtMs)}`
    return judge(rule, paramsOf(record), lenient, facts, `the store has it, ${end}`)
  })
  return { format, kind: 'access', fields: isThere ? { ...record } : null, verdicts }
}

const lenient = { ignoreCase: true, denyUnknownCountry: false, allowUnrestricted: true }

function paramsOf(limits: BearerLimits): EctokenParams {
  return bearerDemands(limits)?.params ?? {}
}

function open(access: AccessOptions, text: string): Opened | null {
  if (access.format === 'ectoken') {
    const opened = openEctoken(access.keys.all, text)
    if (opened === null) return null
    const { params, plaintext, keyIndex } = opened
    const fields = params === null ? { plaintext } : { ...params }
    return { fields, params, keyIndex, policy: access.policy }
  }
  if (access.format !== 'timed' || access.sealingKeys === null) return null
  const opened = openTimed(access.sealingKeys, text)
  if (opened === null) return null
  const { claims, keyIndex } = opened
  const { clientIp = null, referrer = null, endTime } = claims
  const params = { ...paramsOf({ clientIp, referrer }), ec_expire: endTime }
  return { fields: { ...claims }, params, keyIndex, policy: lenient }
}

/** Demands that nothing is known about are named, and not judged. */
function judge(
  rule: string,
  params: EctokenParams | null,
  policy: EctokenAccess['policy'],
  facts: InspectFacts,
  found: string,
): Verdict {
  const unknown: Partial<Record<EctokenName, string | false>> = {
    ec_url_allow: facts.path === null && 'its paths',
    ec_clientip: facts.clientAddress === undefined && 'its address',
    ec_ref_allow: !facts.headers.has('referer') && 'its pages',
    ec_ref_deny: !facts.headers.has('referer') && 'its pages',
    ec_host_allow: !facts.headers.has('host') && 'its hosts',
    ec_host_deny: !facts.headers.has('host') && 'its hosts',
    ec_country_allow: 'its countries',
    ec_country_deny: 'its countries',
    ec_proto_allow: 'its protocols',
    ec_proto_deny: 'its protocols',
  }
  const isUnknown = (name: string) => Boolean(unknown[name as EctokenName])
  const entries = Object.entries(params ?? {})
  const judged = Object.fromEntries(entries.filter(([name]) => !isUnknown(name)))
  const answer = judgeParams(
    params === null ? null : judged,
    {
      now: facts.now,
      path: facts.path ?? '/',
      host: facts.host,
      clientIp: facts.clientAddress,
      referrer: headerText(facts.headers, 'referer') ?? null,
    },
    // That it demands nothing is judged by all of it.
    { ...policy, allowUnrestricted: policy.allowUnrestricted || entries.length > 0 },
  )
  if (!answer.ok) {
    return { rule, valid: false, reason: answer.reason, detail: describeDemand(answer.reason) }
  }
  const left = new Set(entries.flatMap(([name]) => unknown[name as EctokenName] || []))
  const rest = left.size === 0 ? '' : `; not judged: ${[...left].join(', ')}`
  const end = params?.ec_expire === undefined ? '' : `, good until ${describeEnd(params.ec_expire)}`
  return { rule, valid: true, detail: `${found}${end}${rest}` }
}

function entriesOf(options: Options | null, format: AccessOptions['format']) {
  return (options?.rules ?? []).flatMap(({ name, access }) =>
    access
      .filter((entry) => entry.format === format)
      .map((entry) => ({ rule: name, access: entry })),
  )
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
