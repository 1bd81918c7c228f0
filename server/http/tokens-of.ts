import { Tokens } from '../session/tokens.ts'
import type { Gate } from './gate.ts'

/** The access tokens of a gate: for the library's users, and for the admin API. */
export function tokensOf(gate: Gate): Tokens {
  return new Tokens(gate.sessions, gate.options, () => gate.nowMs())
}
