import type { Asked, Question, Surroundings } from './peer.ts'
import { forwardedAddress, hostFrom, schemeFrom, soleHeader } from './read-fields.ts'

/**
 * The question of a proxy that describes the viewer's request in `X-Forwarded-Method`, `-Uri`, `-Host`, `-Proto` and `-For`
 * (spec/forward-auth sections 2.3 and 2.4). Its own URL has no say: Caddy puts the viewer's query there.
 *
 * @throws {PlaybackError} `bad-request`
 */
export function readForwarded({ headers }: Asked, { trustedProxies }: Surroundings): Question {
  return {
    method: soleHeader(headers, 'x-forwarded-method'),
    scheme: schemeFrom(soleHeader(headers, 'x-forwarded-proto')),
    host: hostFrom(soleHeader(headers, 'x-forwarded-host')),
    target: soleHeader(headers, 'x-forwarded-uri'),
    clientAddress: forwardedAddress(headers, trustedProxies),
    headers,
    bearer: null,
    accelPrefix: null,
  }
}
