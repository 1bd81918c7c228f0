import { isKeptAccess } from '../options/judge-access.ts'
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
import { judgeTimed } from '../token/timed.ts'
import { openTimed, type TimedClaims } from '../token/timed-text.ts'
import { formatOf } from './access-formats.ts'
import { type BearerLimits, bearerDemands } from './bearer-demands.ts'
import { describeDemand, describeEnd } from './describe-failure.ts'
import {
  type InspectedToken,
  type InspectFacts,
  judgeEnding,
  type Verdict,
} from './inspect-token.ts'
import { judgeSpellings, namesCountries } from './judge-demands.ts'
import { headerText } from './request-facts.ts'

/** What one rule finds in a token that it can open. */
interface Opened {
  readonly fields: Readonly<Record<string, unknown>>
  readonly keyIndex: number
  readonly judge: (facts: InspectFacts, found: string) => Judged
}

type Judged = Pick<Verdict, 'valid' | 'reason' | 'detail'>

/** An ectoken or a sealed timed token: it says nothing to whoever has not its key. */
export function inspectOpened(
  format: 'ectoken' | 'timed',
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken {
  let fields: InspectedToken['fields'] = null
  const verdicts = entriesOf(options, format, false).map(({ rule, access }): Verdict => {
    const opened = open(access, text)
    if (opened === null) {
      return { rule, ...refuse('unreadable', 'no key of this rule opens it') }
    }
    fields ??= opened.fields
    const key = opened.keyIndex === 0 ? 'primary' : 'transition'
    const judged = opened.judge(facts, `opens with the ${key} key`)
    // What the rule says of it for certain, whoever asks.
    const isBlind = options?.geoip === null && namesCountries(opened.fields)
    const refused =
      isBlind && judged.valid
        ? refuse('country_not_judged', describeDemand('country_not_judged'))
        : judged
    const verdict = { rule, key, ...refused } as const
    return judgeEnding(verdict, access, formatOf(access).identify(access, text), facts)
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
  const spendId = managedTokenId(text)
  const record = facts.kept?.get(spendId)
  const isThere = typeof record === 'object' && record.kind !== 'not-asked'
  const judge = (access: ManagedAccess | TimedAccess): Judged => {
    if (record === undefined) return refuse('not-judged', 'nobody asked the store for it')
    if (record === 'unavailable') return refuse('store-unavailable', 'the store does not answer')
    if (record === 'unknown') return refuse('unknown', 'never made, revoked, or ended')
    if (record.kind === 'not-asked') return refuse('not-judged', 'the store was not asked for it')
    const { realm, endsAtMs } = record
    if (access.realm !== realm) return refuse('other-realm', `made for the realm ${realm}`)
    if (endsAtMs !== null && endsAtMs <= facts.now * 1000) return refuse('expired', 'expired')
    const end = endsAtMs === null ? 'has no end' : `good until ${describeEnd(endsAtMs / 1000)}`
    return judgeDemanded(paramsOf(record), lenient, facts, `the store has it, ${end}`)
  }
  const verdicts = entriesOf(options, format, true).map(({ rule, access }): Verdict => {
    const verdict = { rule, ...judge(access as ManagedAccess | TimedAccess) }
    const madeAtMs = isThere ? record.createdAtMs : null
    return judgeEnding(verdict, access, { spendId, madeAtMs }, facts)
  })
  return { format, kind: 'access', fields: isThere ? { ...record } : null, verdicts }
}

function refuse(reason: string, detail: string): Judged {
  return { valid: false, reason, detail }
}

function open(access: AccessOptions, text: string): Opened | null {
  if (access.format === 'ectoken') {
    const opened = openEctoken(access.keys.all, text)
    if (opened === null) return null
    const { params, plaintext, keyIndex } = opened
    const fields = params === null ? { plaintext } : { ...params }
    return { fields, keyIndex, judge: (facts, found) => judgeEctoken(params, access, facts, found) }
  }
  if (access.format !== 'timed' || access.sealingKeys === null) return null
  const opened = openTimed(access.sealingKeys, text)
  if (opened === null) return null
  const { claims, keyIndex } = opened
  return {
    fields: { ...claims },
    keyIndex,
    judge: (facts, found) => judgeClaims(claims, facts, found),
  }
}

function judgeEctoken(
  params: EctokenParams | null,
  { policy, maxLifetimeSeconds }: EctokenAccess,
  facts: InspectFacts,
  found: string,
): Judged {
  const end = params?.ec_expire
  const judged = judgeDemanded(params, policy, facts, withEnd(found, end))
  if (!judged.valid || maxLifetimeSeconds === null) return judged
  if ((end ?? Number.POSITIVE_INFINITY) <= facts.now + maxLifetimeSeconds) return judged
  const longest = `more than maxLifetimeSeconds (${maxLifetimeSeconds}) from now, or never`
  return refuse('too-long', `ends ${longest}`)
}

function judgeClaims(
  claims: Parameters<typeof judgeTimed>[0],
  facts: InspectFacts,
  found: string,
): Judged {
  const { clientIp = null, referrer = null, endTime } = claims
  const answer = judgeTimed(claims, { now: facts.now })
  if (!answer.ok && (answer.reason === 'expired' || answer.reason === 'not_yet_valid')) {
    return refuse(answer.reason, answer.detail)
  }
  return judgeDemanded(paramsOf({ clientIp, referrer }), lenient, facts, withEnd(found, endTime))
}

function withEnd(found: string, end: TimedClaims['endTime'] | undefined): string {
  return end === undefined ? found : `${found}, good until ${describeEnd(end)}`
}

const lenient = { ignoreCase: true, denyUnknownCountry: false, allowUnrestricted: true }

function paramsOf(limits: BearerLimits): EctokenParams {
  return bearerDemands(limits)?.params ?? {}
}

/** Demands that nothing is known about are named, and not judged. */
function judgeDemanded(
  params: EctokenParams | null,
  policy: EctokenAccess['policy'],
  facts: InspectFacts,
  found: string,
): Judged {
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
  const answer = judgeSpellings(facts.path ?? '/', (path) =>
    judgeParams(
      params === null ? null : judged,
      {
        now: facts.now,
        path,
        host: facts.host,
        clientIp: facts.clientAddress,
        referrer: headerText(facts.headers, 'referer') ?? null,
      },
      // That it demands nothing is judged by all of it.
      { ...policy, allowUnrestricted: policy.allowUnrestricted || entries.length > 0 },
    ),
  )
  if (!answer.ok) return refuse(answer.reason, describeDemand(answer.reason))
  const left = new Set(entries.flatMap(([name]) => unknown[name as EctokenName] || []))
  const rest = left.size === 0 ? '' : `; not judged: ${[...left].join(', ')}`
  return { valid: true, detail: `${found}${rest}` }
}

function entriesOf(options: Options | null, format: AccessOptions['format'], isKept: boolean) {
  return (options?.rules ?? []).flatMap(({ name, access }) =>
    access
      .filter((entry) => entry.format === format && isKeptAccess(entry) === isKept)
      .map((entry) => ({ rule: name, access: entry })),
  )
}
