import { z } from 'zod'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'
import { readBody } from './read-body.ts'
import { addressFrom, notPlayback, pathOf, withQuery } from './read-fields.ts'

const bodySchema = z.object({
  ip: z.string(),
  action: z.string(),
  path: z.string(),
  query: z.string().default(''),
  /** A bearer token, or else the password. */
  token: z.string().default(''),
  userAgent: z.string().default(''),
})

const counting = ['ip', 'action', 'path', 'query', 'token', 'userAgent']

/**
 * MediaMTX's `authHTTPAddress` (spec/forward-auth section 2.6). A stream `live/cam` is the path `/live/cam/index.m3u8`, where its HLS
 * is. The query was read and written anew by MediaMTX; verification decodes a token once when it does not fit as it stands.
 */
export const mediamtx: Peer = {
  proof: 'header-or-query',
  isProxy: false,
  asksBelow: false,
  asksForStreams: true,
  carries: { cookie: false, header: false },
  read({ body }) {
    const { ip, action, path, query, token, userAgent } = readBody(body, bodySchema, counting)
    if (action !== 'read' && action !== 'playback') throw notPlayback(action)
    return {
      method: 'GET',
      scheme: 'http',
      host: '',
      // A bare `?TOKEN` comes back as `TOKEN=`.
      target: withQuery(pathOf(path, 'index.m3u8'), query.replace(/^([A-Za-z0-9_-]+)=$/, '$1')),
      clientAddress: addressFrom(ip, 'ip'),
      headers: new Map(userAgent === '' ? [] : [['user-agent', [userAgent]]]),
      bearer: token === '' ? null : token,
      accelPrefix: null,
    }
  },
  answer(verdict) {
    // Players that bring credentials only when asked are asked by a 401 alone.
    const isBare = verdict.kind === 'denied' && verdict.reason === 'token-missing'
    return giveAnswer(verdict, { allowed: 204, denied: isBare ? 401 : 403, undecided: 503 })
  },
}
