import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { RemoteGrants } from '../remote/grants.ts'
import type { RemoteDecision } from '../remote/remote.ts'
import type { SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { Gate } from './gate.ts'
import { failCheck, lateChecks, type Told } from './outcome.ts'

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
 * @param told is filled in, where the answer refuses
 * @returns what the answer narrows; nothing where nobody is asked
 * @throws {PlaybackError} `remote-refused`; in mode `log`, none
 */
export async function askPermission(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  sessionId: string | null,
  told: Told,
): Promise<Permission> {
  const remote = gate.remoteOf(rule)
  if (remote === null) return nothing
  // A question takes some seconds at most, and a viewer who left may well come back for its answer.
  const { signal } = new AbortController()
  const asked = { ...facts, cdnAddress: facts.serverAddress }
  const decision = await remote.ask(asked, { cacheKey: sessionId, signal })
  return judge(gate, rule, facts, decision, told)
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
  told: Told,
): Promise<Permission> | undefined {
  const remote = gate.remoteOf(rule)
  if (remote === null) return undefined
  if (!remote.asksAgain && approvedBy === rule.remoteAuth) return undefined
  const known = remote.known(sessionId)
  if (known === undefined) return askPermission(gate, rule, facts, sessionId, told)
  judge(gate, rule, facts, known, told)
  return undefined
}

function judge(
  gate: Gate,
  rule: Rule,
  { path, clientAddress: client }: RequestFacts,
  decision: RemoteDecision,
  told: Told,
): Permission {
  const { allow, answered, detail, ...grants } = decision
  if (allow) {
    if (!answered) {
      const line = { event: 'remote', rule: rule.name, path, client, detail }
      gate.log.warn(line, 'let in without an answer (onTimeout: approve)')
    }
    return { ...grants, ...(rule.remoteAuth !== null && { approvedBy: rule.remoteAuth }) }
  }
  const code = 'ERR_TOKEN_REFUSED'
  const refusal = new PlaybackError({ code, reason: 'remote-refused', detail })
  failCheck(rule, told, lateChecks.remote, refusal)
  return nothing
}
