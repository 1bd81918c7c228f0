import { z } from 'zod'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'
import { readBody } from './read-body.ts'
import { addressFrom, hostFrom, notPlayback, pathOf, withQuery } from './read-fields.ts'

const bodySchema = z.object({
  action: z.string(),
  ip: z.string(),
  vhost: z.string(),
  app: z.string(),
  stream: z.string(),
  /** Begins with `?`. */
  param: z.string().default(''),
  pageUrl: z.string().default(''),
})

const counting = ['action', 'ip', 'vhost', 'app', 'stream', 'param', 'pageUrl']

/**
 * SRS, `http_hooks.on_play` (spec/forward-auth section 2.7). The answer is a code in the body of a 200. A stream is the path `/APP/STREAM`, for
 * HLS with the file's name: `/live/livestream.m3u8`.
 */
export const srs: Peer = {
  proof: 'header-or-query',
  isProxy: false,
  asksBelow: false,
  asksForStreams: true,
  carries: { cookie: false, header: false },
  read({ body }) {
    const hook = readBody(body, bodySchema, counting)
    if (hook.action !== 'on_play') throw notPlayback(hook.action)
    return {
      method: 'GET',
      scheme: 'http',
      host: hostFrom(hook.vhost),
      target: withQuery(pathOf(hook.app, hook.stream), hook.param.replace(/^\?/, '')),
      clientAddress: addressFrom(hook.ip, 'ip'),
      headers: new Map(hook.pageUrl === '' ? [] : [['referer', [hook.pageUrl]]]),
      bearer: null,
      accelPrefix: null,
    }
  },
  answer(verdict) {
    const answer = giveAnswer(verdict, { allowed: 200, denied: 200, undecided: 503 })
    if (verdict.kind === 'undecided') return answer
    const code = verdict.kind === 'denied' ? 403 : 0
    return { status: answer.status, json: { code, data: null } }
  },
}
