import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { RemoteGrants } from '../remote/grants.ts'
import type { RemoteDecision } from '../remote/remote.ts'
import type { SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Gate } from './gate.ts'

/** What the server said, and which it was, if it approved. */
export interface Permission extends RemoteGrants {
  readonly approvedBy?: string
}

const nothing: Permission = {}

/**
 * Asks the site's own server whether a session may open, or, where the rule has none, whether this object may be delivered (design
 * section 6).
 *
 * @param sessionId decisions about one session are remembered by it; `null`: the request is asked about for itself
 * @returns what the answer narrows; nothing where nobody is asked
 * @throws {PlaybackError} `remote-refused`; in mode `log`, none
 */
export async function askPermission(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  sessionId: string | null,
): Promise<Permission> {
  const remote = gate.remoteOf(rule)
  if (remote === null) return nothing
  // A question takes some seconds at most, and a viewer who left may well come back for its answer.
  const { signal } = new AbortController()
  const asked = { ...facts, cdnAddress: facts.serverAddress }
  return judge(gate, rule, facts, await remote.ask(asked, { cacheKey: sessionId, signal }))
}

/**
 * Asks about a running session: again, where the server wants to be asked again and the last answer is old; and for once, where the session
 * was opened at a rule that asks nobody, or another one, or before this rule asked.
 *
 * @throws {PlaybackError} as `askPermission`
 */
export function askAgain(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  { sessionId, approvedBy }: Pick<SessionGrant, 'sessionId' | 'approvedBy'>,
): Promise<Permission> | undefined {
  const remote = gate.remoteOf(rule)
  if (remote === null) return undefined
  if (!remote.asksAgain && approvedBy === rule.remoteAuth) return undefined
  const known = remote.known(sessionId)
  if (known === undefined) return askPermission(gate, rule, facts, sessionId)
  judge(gate, rule, facts, known)
  return undefined
}

function judge(gate: Gate, rule: Rule, facts: RequestFacts, decision: RemoteDecision): Permission {
  const { allow, answered, detail, ...grants } = decision
  const line = {
    event: 'remote',
    rule: rule.name,
    path: facts.path,
    client: facts.clientAddress,
    detail,
  }
  if (allow) {
    if (!answered) gate.log.warn(line, 'let in without an answer (onTimeout: approve)')
    return { ...grants, ...(rule.remoteAuth !== null && { approvedBy: rule.remoteAuth }) }
  }
  if (rule.mode !== 'log') {
    throw new PlaybackError({ code: 'ERR_TOKEN_REFUSED', reason: 'remote-refused', detail })
  }
  gate.log.warn({ ...line, wouldRefuse: 'remote-refused' }, 'let through on trial')
  return nothing
}
