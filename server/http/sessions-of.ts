import { Sessions } from '../session/sessions.ts'
import { identifyAccess } from '../session/verify-access.ts'
import type { Gate } from './gate.ts'

/** The sessions of the store that a gate works with: for the library's users, and for the admin API. */
export function sessionsOf(gate: Gate): Sessions {
  return new Sessions(
    gate.sessions,
    () => gate.nowMs(),
    (token) => identifyAccess(gate.options, token),
  )
}
