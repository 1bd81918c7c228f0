import { readForwarded } from './forwarded.ts'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'

/**
 * Caddy's `forward_auth` (spec/forward-auth section 2.3). Any other answer than 2xx goes to the player as it is. On an allow nothing
 * does, unless the configuration writes the directive out and copies it.
 */
export const caddy: Peer = {
  // Without a query of its own, its URL gets the viewer's.
  proof: 'header',
  isProxy: true,
  asksBelow: false,
  asksForStreams: false,
  carries: { cookie: true, header: true },
  read: readForwarded,
  answer: (verdict) => giveAnswer(verdict, { allowed: 204, denied: 'as-decided', undecided: 503 }),
}
