import { readForwarded } from './forwarded.ts'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'

/**
 * Traefik's ForwardAuth (spec/forward-auth section 2.4). Of an allow, `addAuthCookiesToResponse` hands the cookie on and nothing else.
 */
export const traefik: Peer = {
  // It can send no header of its own; the query of its `address` is the operator's alone.
  proof: 'header-or-query',
  isProxy: true,
  asksBelow: false,
  asksForStreams: false,
  carries: { cookie: true, header: false },
  read: readForwarded,
  answer: (verdict) => giveAnswer(verdict, { allowed: 204, denied: 'as-decided', undecided: 503 }),
}
