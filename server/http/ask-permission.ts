import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { RemoteDecision } from '../remote/decision.ts'
import type { RemoteGrants } from '../remote/grants.ts'
import type { SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { approvalMark } from './approval-mark.ts'
import type { Gate } from './gate.ts'
import { failCheck, lateChecks, type Told } from './outcome.ts'

/** What the server said, and the mark of its approval, if it gave one. */
export interface Permission extends RemoteGrants {
  readonly approvedBy?: string
}

const nothing: Permission = {}

/**
 * Asks the site's own server whether a session may open, or, where the rule has none, whether this object may be delivered (design
 * section 6).
 *
 * @param sessionId decisions about one session at the rule are remembered by it; `null`: the request is asked about for itself
 * @param told is filled in, where the answer refuses
 * @param wasApproved the session runs, and its token says that the server has approved of it here
 * @returns what the answer narrows; nothing where nobody is asked
 * @throws {PlaybackError} `remote-refused`; in mode `log`, none
 */
export async function askPermission(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  sessionId: string | null,
  told: Told,
  wasApproved = false,
): Promise<Permission> {
  const remote = gate.remoteOf(rule)
  if (remote === null) return nothing
  // A question takes some seconds at most, and a viewer who left may well come back for its answer.
  const { signal } = new AbortController()
  const asked = { ...facts, cdnAddress: facts.serverAddress }
  const cacheKey = sessionId === null ? null : keyOf(rule, sessionId)
  const decision = await remote.ask(asked, { cacheKey, wasApproved, signal })
  return judge(gate, rule, facts, decision, told)
}

/**
 * Asks about a running session: again, where the server wants to be asked again and the last answer is old; and for once, where it
 * has not approved of the session at this rule: opened at another one, or before this one asked, or let in without an answer.
 *
 * @throws {PlaybackError} as `askPermission`
 */
export function askAgain(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  { sessionId, approvedBy }: Pick<SessionGrant, 'sessionId' | 'approvedBy'>,
  told: Told,
): Promise<Permission> | undefined {
  const remote = gate.remoteOf(rule)
  if (remote === null) return undefined
  const wasApproved = approvedBy === approvalMark(rule)
  if (!remote.asksAgain && wasApproved) return undefined
  const known = remote.known(keyOf(rule, sessionId), wasApproved)
  if (known === undefined) return askPermission(gate, rule, facts, sessionId, told, wasApproved)
  judge(gate, rule, facts, known, told)
  return undefined
}

/** Is the life of the session limited by what the site's own server answered last? */
export function isLifeLimited(gate: Gate, rule: Rule, sessionId: string): boolean {
  const last = gate.remoteOf(rule)?.lastAnswer(keyOf(rule, sessionId))
  return last?.maxLifetimeSeconds !== undefined
}

/** An approval is of one session at one rule: what another rule opens is another question. */
function keyOf(rule: Rule, sessionId: string): string {
  return `${approvalMark(rule)} ${sessionId}`
}

function judge(
  gate: Gate,
  rule: Rule,
  { path, clientAddress: client }: RequestFacts,
  decision: RemoteDecision,
  told: Told,
): Permission {
  const { allow, answered, stands = false, detail, ...grants } = decision
  if (allow) {
    const line = { event: 'remote', rule: rule.name, path, client, detail }
    if (stands) gate.log.warn(line, 'plays on under its last approval')
    else if (!answered) gate.log.warn(line, 'let in without an answer (onTimeout: approve)')
    tellDropped(gate, rule, grants)
    const approvedBy = answered || stands ? approvalMark(rule) : null
    return { ...grants, ...(approvedBy !== null && { approvedBy }) }
  }
  const code = 'ERR_TOKEN_REFUSED'
  const refusal = new PlaybackError({ code, reason: 'remote-refused', detail })
  failCheck(rule, told, lateChecks.remote, refusal)
  return nothing
}

/** A limit that nothing can keep is no secret to whoever set it. */
function tellDropped(gate: Gate, rule: Rule, grants: RemoteGrants): void {
  const { maxConcurrent, maxLifetimeSeconds } = grants
  if (rule.session !== null || (maxConcurrent ?? maxLifetimeSeconds) === undefined) return
  gate.tellOnce(`limits at ${rule.place}`, () => {
    const line = { event: 'remote', rule: rule.name, maxConcurrent, maxLifetimeSeconds }
    gate.log.warn(line, 'a limit in an answer is dropped: the rule has no session to limit')
  })
}
