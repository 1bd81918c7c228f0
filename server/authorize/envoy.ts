import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'
import { forwardedAddress, hostFrom, schemeFrom, soleHeader } from './read-fields.ts'

/**
 * Envoy's ext_authz over HTTP (spec/forward-auth section 2.5): the viewer's method, path, query and Host, behind `path_prefix`. 200 allows,
 * and nothing else does.
 */
export const envoy: Peer = {
  // The query is the viewer's.
  proof: 'header',
  isProxy: true,
  asksBelow: true,
  asksForStreams: false,
  carries: { cookie: true, header: true },
  read: ({ method, rest, headers }, { trustedProxies }) => ({
    method,
    scheme: schemeFrom(headers.get('x-forwarded-proto')?.at(-1)),
    host: hostFrom(soleHeader(headers, 'host')),
    target: rest,
    clientAddress: forwardedAddress(headers, trustedProxies),
    headers,
    bearer: null,
    accelPrefix: null,
  }),
  answer(verdict) {
    const answer = giveAnswer(verdict, { allowed: 200, denied: 'as-decided', undecided: 503 })
    if (verdict.kind !== 'allowed') return answer
    // The origin is asked without any of our tokens, nor anything else that stands for the viewer (threats T60).
    const names = verdict.tokenNames.filter((name) => name !== '').map((name) => name.toLowerCase())
    const removed = ['cookie', 'authorization', ...names]
    return {
      ...answer,
      headers: { ...answer.headers, 'X-Envoy-Auth-Headers-To-Remove': removed.join(', ') },
    }
  },
}
