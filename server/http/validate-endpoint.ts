import type { Context } from 'koa'
import { readParameter, targetQuery } from '../../shared/query.ts'
import { parseAddress } from '../claim/address.ts'
import type { Rule } from '../options/options.ts'
import { judgeAccessToken, nearer } from '../session/decide.ts'
import type { Check } from '../session/decision.ts'
import { matchRule } from '../session/match-rule.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { AccessRefusal } from '../session/verify-access.ts'
import { answerError, setSafetyHeaders } from './answer-error.ts'
import { loopback } from './client-address.ts'
import type { Gate } from './gate.ts'
import { givesSecret } from './gives-secret.ts'
import { judgingFor, lookUp, noteUse } from './judging-for.ts'
import { noteRefusal } from './note-refusal.ts'
import { badRequest } from './read-json.ts'
import { readRequest, readTarget } from './read-request.ts'
import { refusalError } from './refusal-error.ts'
import { answerJson } from './routes.ts'

/** What a CDN tells of its viewer (token-formats section 3.1). */
interface Told {
  readonly token: string
  readonly clientIp: string | null
  readonly referrer: string | null
  readonly sourceUrl: string | null
}

const names = ['token', 'clientIp', 'referrer', 'sourceUrl', 'cdnAccountName', 'secret'] as const

/**
 * `GET /_playgate/validate?token=…`: the classic validation web service for timed and managed tokens. 200: good for this client;
 * 403: not. What the caller does not tell of the viewer is taken from the caller itself. Opens and spends nothing.
 */
export async function answerValidate(ctx: Context, gate: Gate): Promise<void> {
  setSafetyHeaders(ctx)
  const asker = readRequest(ctx.req, {
    trustedProxies: gate.options.trustedProxies,
    pathParameters: [],
    allowSemicolon: true,
  })
  const told = readTold(asker.target)
  await gate.sessions.loading
  const facts = factsOf(gate, asker, told)
  const kept = await lookUp(gate, [told.token], countedWith(gate, asker, facts))
  let refusal: AccessRefusal | null = null
  let refusedBy: Rule | null = null
  for (const rule of rulesFor(gate, facts, told)) {
    const checks: Check[] = []
    const judging = judgingFor(gate, rule, { kept })
    const decision = judgeAccessToken(facts, rule, told.token, judging, checks)
    if (decision.kind === 'access') {
      noteUse(gate, decision)
      gate.metrics.request(rule.name, 'validated', '', 0)
      return answerJson(ctx, 200, { valid: true })
    }
    if (nearer(refusal, decision) === decision) [refusal, refusedBy] = [decision, rule]
  }
  const rule = refusedBy?.name ?? 'none'
  const none = {
    reason: 'token-refused',
    detail: 'no rule takes timed or managed tokens there',
  } as const
  const error = refusalError(refusal ?? none)
  const { message: detail } = error
  const reason = error.limit ?? error.reason
  const { host, path, clientAddress: client } = facts
  const caller = asker.clientAddress
  gate.log.warn({ event: 'validate', rule, path, client, caller, reason, detail })
  gate.metrics.request(rule, 'refused', reason, 0)
  answerError(ctx, error, null)
  const asked = { rule, method: 'GET', host, path, client }
  noteRefusal(gate, ctx, asked, { reason, detail, sessionId: null })
}

/**
 * With whom an unknown token is counted: with the viewer who is told of, where the caller may be believed that one CDN asks for many viewers;
 * and with the caller, where anybody could name viewers as he likes. A viewer who is told of has nothing to do with what he asks us for himself:
 * a caller that lies costs him nothing there.
 */
function countedWith({ options }: Gate, asker: RequestFacts, { clientAddress }: RequestFacts) {
  const { authorize, trustedProxies } = options
  const caller = asker.clientAddress
  const query = targetQuery(asker.target)
  const isBelieved =
    trustedProxies.has(caller) ||
    (authorize === null ? isThisMachine(asker) : givesSecret(asker.headers, query, authorize))
  return isBelieved && clientAddress !== caller ? `${clientAddress} told by ${caller}` : caller
}

/** A proxy on this machine that nobody listed in `trustedProxies` brings anybody's questions. */
function isThisMachine({ clientAddress, headers }: RequestFacts): boolean {
  return loopback.has(clientAddress) && !headers.has('x-forwarded-for') && !headers.has('forwarded')
}

/** @throws {PlaybackError} 400 for names that stand twice, or for no token: which of two is meant, nobody knows (threat T49) */
function readTold(target: string): Told {
  const query = targetQuery(target)
  const [token, clientIp, referrer, sourceUrl] = names.map((name) => {
    const [value, ...more] = readParameter(query, name)
    if (more.length > 0) throw badRequest(`${name} stands twice`)
    return value === undefined ? null : decodeValue(name, value)
  })
  if (!token) throw badRequest('token is missing')
  return {
    token,
    clientIp: clientIp ?? null,
    referrer: referrer ?? null,
    sourceUrl: sourceUrl ?? null,
  }
}

function decodeValue(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw badRequest(`${name} is not percent-encoded UTF-8`)
  }
}

/** The viewer's request, as the caller tells of it. */
function factsOf(gate: Gate, caller: RequestFacts, told: Told): RequestFacts {
  const { pathParameters, allowSemicolon } = gate
  const url = told.sourceUrl === null ? null : splitSource(told.sourceUrl)
  const target = url?.target ?? '/'
  const address = told.clientIp === null ? null : parseAddress(told.clientIp)
  if (told.clientIp !== null && address === null) throw badRequest('clientIp is no address')
  const headers = new Map(caller.headers)
  if (told.referrer !== null) headers.set('referer', [told.referrer])
  return {
    ...caller,
    target,
    ...readTarget(target, { pathParameters, allowSemicolon }),
    host: url?.host ?? caller.host,
    scheme: url?.scheme ?? caller.scheme,
    clientAddress: address?.toString() ?? caller.clientAddress,
    // The country that a header tells is that of the caller.
    viaTrustedProxy: caller.viaTrustedProxy && address === null,
    headers,
  }
}

function splitSource(source: string) {
  const match = /^(https?):\/\/([^/?#@\s]+)(\/[^#]*)?$/i.exec(source)
  if (match === null && !source.startsWith('/')) throw badRequest('sourceUrl is no http(s) URL')
  if (match === null) return { target: source }
  const scheme = match[1]?.toLowerCase() === 'https' ? ('https' as const) : ('http' as const)
  return { scheme, host: (match[2] ?? '').toLowerCase(), target: match[3] ?? '/' }
}

/**
 * The rule of that URL; where none is told, every rule: one that would let it in is enough. With what it takes of such tokens alone: of any
 * other this endpoint could not say that it was not used before.
 */
function rulesFor({ options }: Gate, facts: RequestFacts, { sourceUrl }: Told): readonly Rule[] {
  const matched = sourceUrl === null ? options.rules : [matchRule(options.rules, facts)]
  return matched.flatMap((rule) => {
    const access = rule?.access.filter(({ format }) => format === 'timed' || format === 'managed')
    return rule === null || access === undefined || access.length === 0 ? [] : [{ ...rule, access }]
  })
}
