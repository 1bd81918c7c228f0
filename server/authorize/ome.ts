import { z } from 'zod'
import { badRequest } from '../http/read-json.ts'
import { giveAnswer } from './give-answer.ts'
import type { Peer, Surroundings } from './peer.ts'
import { readBody } from './read-body.ts'
import { addressFrom, hostFrom, notPlayback, schemeFrom } from './read-fields.ts'

const bodySchema = z.object({
  client: z.object({
    address: z.string(),
    real_ip: z.string().optional(),
    user_agent: z.string().default(''),
  }),
  request: z.object({
    direction: z.string(),
    status: z.string(),
    url: z.string(),
    time: z.string(),
  }),
})

const counting = [
  'client',
  'address',
  'real_ip',
  'user_agent',
  'request',
  'direction',
  'status',
  'url',
  'time',
]

/** For the clocks of two machines, and the way between them. A signed body that is older was sent again by somebody. */
const mostAgeMs = 300_000

/**
 * OvenMediaEngine's AdmissionWebhooks (spec/forward-auth section 2.8). The body is signed with the secret, and the answer is a member of
 * the body of a 200. The path is that of the URL: `/app/stream`, for LL-HLS with the playlist's name.
 */
export const ome: Peer = {
  proof: 'signature',
  isProxy: false,
  asksBelow: false,
  asksForStreams: true,
  carries: { cookie: false, header: false },
  read({ body }, surroundings) {
    const { client, request } = readBody(body, bodySchema, counting)
    const ageMs = Math.abs(Date.parse(request.time) - surroundings.nowMs)
    if (!(ageMs <= mostAgeMs)) throw badRequest('body request.time: not close to our own time')
    // What has ended is told, not asked.
    if (request.status === 'closing') return null
    if (request.direction !== 'outgoing') throw notPlayback(request.direction)
    const url = /^([a-z]+):\/\/([^/?#]+)(\/.*)$/i.exec(request.url)
    if (url === null) throw badRequest('body request.url: not a URL')
    const [, scheme = '', authority = '', target = ''] = url
    return {
      method: 'GET',
      scheme: schemeFrom(/^(?:https|wss)$/i.test(scheme) ? 'https' : 'http'),
      host: hostFrom(authority),
      target,
      clientAddress: addressOf(client, surroundings),
      headers: new Map(client.user_agent === '' ? [] : [['user-agent', [client.user_agent]]]),
      bearer: null,
      accelPrefix: null,
    }
  },
  answer(verdict) {
    const answer = giveAnswer(verdict, { allowed: 200, denied: 200, undecided: 503 })
    switch (verdict.kind) {
      case 'allowed':
        return { status: answer.status, json: { allowed: true } }
      case 'denied': {
        const reason = verdict.reason ?? 'not-found'
        return { status: answer.status, json: { allowed: false, reason } }
      }
      case 'notice':
        return { status: answer.status, json: {} }
      default:
        return answer
    }
  },
}

/** `real_ip` is what the client says, unless it is one of our own proxies. */
function addressOf(
  { address, real_ip: told }: z.output<typeof bodySchema>['client'],
  { trustedProxies }: Surroundings,
): string {
  return told !== undefined && trustedProxies.has(address)
    ? addressFrom(told, 'body client.real_ip')
    : addressFrom(address, 'body client.address')
}
