import { neverStore, privateCacheControl } from '../http/cache-headers.ts'
import { badRequest } from '../http/read-json.ts'
import { giveAnswer } from './give-answer.ts'
import type { Answer, Peer, Verdict } from './peer.ts'
import {
  addressFrom,
  hostFrom,
  ownQuery,
  schemeFrom,
  soleHeader,
  soleParameter,
  withQuery,
} from './read-fields.ts'

/** An absolute path of plain names, without a slash at its end. */
const prefixPattern = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/

/**
 * nginx, which knows of the request what its configuration says: `X-Original-URI`, `-Method`, `-Host`, `-Proto` and `X-Real-IP`, each of which it
 * puts in place of the viewer's own (spec/forward-auth section 2.2).
 *
 * With `auth_request`, everything but 2xx, 401 and 403 would become a 500. With `?accel=/PREFIX` in the endpoint's URL, which no viewer can
 * write to, the answer goes to the viewer: a refusal as it is, an allow as `X-Accel-Redirect`.
 */
export const nginx: Peer = {
  proof: 'header',
  isProxy: true,
  asksBelow: false,
  asksForStreams: false,
  carries: { cookie: true, header: true },
  read(asked) {
    const { headers } = asked
    return {
      method: soleHeader(headers, 'x-original-method'),
      scheme: schemeFrom(soleHeader(headers, 'x-original-proto')),
      host: hostFrom(soleHeader(headers, 'x-original-host')),
      target: soleHeader(headers, 'x-original-uri'),
      clientAddress: addressFrom(soleHeader(headers, 'x-real-ip'), 'x-real-ip'),
      headers,
      bearer: null,
      accelPrefix: readAccelPrefix(ownQuery(asked)),
    }
  },
  answer(verdict, question) {
    const prefix = question?.accelPrefix ?? null
    if (prefix !== null) return giveAccelAnswer(verdict, prefix)
    return giveAnswer(verdict, { allowed: 204, denied: 403, undecided: 503 })
  },
}

/** Anything else in the query comes from a viewer: a configuration that lets it in would let `accel` in too. */
function readAccelPrefix(query: string): string | null {
  if (query === '') return null
  const prefix = soleParameter(query, 'accel')
  if (prefix === null || query.includes('&')) {
    throw badRequest('something else than accel in the query of the endpoint')
  }
  if (!prefixPattern.test(prefix)) throw badRequest('accel is no path such as /internal')
  return prefix
}

function giveAccelAnswer(verdict: Verdict, prefix: string): Answer {
  const statuses = { allowed: 200, denied: 'as-decided', undecided: 503 } as const
  const answer = giveAnswer(verdict, statuses)
  if (verdict.kind !== 'allowed') return answer
  // nginx keeps this for the file that it sends: permitted to one viewer alone (threats T75).
  const opens = verdict.setCookie !== null || verdict.playgateSession !== null
  const cacheControl = opens ? neverStore : privateCacheControl(undefined)
  const redirect = withQuery(prefix + verdict.path, verdict.query)
  return {
    ...answer,
    headers: { ...answer.headers, 'Cache-Control': cacheControl, 'X-Accel-Redirect': redirect },
  }
}
