import { PlaybackError } from '../../shared/codes.ts'
import { castEnd } from '../session/cast-session.ts'
import type { SessionGrant } from '../session/decision.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { bindCast, spendBinding } from '../session/spend-access.ts'
import type { Gate } from './gate.ts'

/** For the clocks of several machines. */
const marginSeconds = 60

/**
 * A link for another device is good for the one that uses it first, known by its address and User-Agent, and for no other. The store is
 * asked once by each process and device; all else is decided from memory.
 *
 * @returns at once for a session that is no such link, and for a device that is known
 * @throws {PlaybackError} `token-refused` for another device; `ERR_STORE_UNAVAILABLE` where nobody can know
 */
export function bindReceiver(
  gate: Gate,
  { parent, sessionId }: SessionGrant,
  facts: RequestFacts,
): void | Promise<void> {
  if (parent === undefined) return
  const binding = spendBinding(facts, ['user-agent'])
  const key = `${sessionId} ${binding}`
  const isKnown = gate.receivers.get(key)
  if (isKnown !== undefined) return insistOn(isKnown)
  return ask(gate, parent, sessionId, binding).then((isBound) => {
    gate.receivers.set(key, isBound)
    insistOn(isBound)
  })
}

function ask(gate: Gate, parent: string, sessionId: string, binding: string): Promise<boolean> {
  // Minted by us, so the parent's id tells when it was opened; of any other there is no link.
  const end = castEnd(parent) ?? 0
  const keepSeconds = Math.max(end - gate.now(), 0) + marginSeconds
  return bindCast(gate.store(), sessionId, binding, keepSeconds)
}

function insistOn(isBound: boolean): void {
  if (isBound) return
  throw new PlaybackError({
    code: 'ERR_TOKEN_REFUSED',
    reason: 'token-refused',
    detail: 'a link for another device, and another one has used it first',
  })
}
