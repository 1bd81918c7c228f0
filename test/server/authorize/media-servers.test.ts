import { describe, expect, it } from 'vitest'
import { sign } from '../../attack/refusal.ts'
import type { RawResponse } from '../../stage/raw-socket.ts'
import { ask, askerNamed, goEscape, omeSignature, secret, startAskedGate, told } from './asking.ts'

const show = '/live/show'
const mediamtx = askerNamed('mediamtx')
const srs = askerNamed('srs')
const ome = askerNamed('ome')
const rtmp = askerNamed('nginx-rtmp')
const tencent = askerNamed('tencent')

/** Changes the JSON body of a request; the signature, where there is one, is made anew. */
function withBody(change: (body: string) => string): (bytes: string) => string {
  return (bytes) => {
    const [head = '', body = ''] = bytes.split('\r\n\r\n')
    const changed = change(body)
    const lines = head
      .replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(changed)}`)
      .replace(/X-OME-Signature: .*/, `X-OME-Signature: ${omeSignature(changed)}`)
    return `${lines}\r\n\r\n${changed}`
  }
}

const member = (name: string, value: unknown) =>
  withBody((body) =>
    body.replace(new RegExp(`"${name}":("[^"]*"|null)`), `"${name}":${JSON.stringify(value)}`),
  )

const twice = (name: string) =>
  withBody((body) => body.replace(new RegExp(`("${name}":"[^"]*")`), '$1,$1'))

async function started() {
  const stage = await startAskedGate()
  return { stage, target: `${show}?hdnts=${stage.mint({ path: '/live/show*' })}` }
}

describe('MediaMTX', () => {
  it('may write the query anew, as it does for HLS', async () => {
    const stage = await startAskedGate()
    const token = stage.mint({ path: '/live/show/*' })
    const query = `hdnts=${goEscape(token)}`
    expect(query).toContain('%2Flive%2Fshow%2F%2A')
    const response = await ask(stage, mediamtx, { target: show }, member('query', query))
    expect(response.status).toBe(204)
  })

  it('loses a token with an escaped slash, which is refused', async () => {
    const stage = await startAskedGate()
    const token = sign('exp=1767225900~acl=%2flive%2fshow*')
    expect((await stage.ask(`/live/show?hdnts=${token}`)).status).not.toBe(403)
    // Go decodes it and encodes it again.
    const query = `hdnts=${goEscape(token.replaceAll('%2f', '/'))}`
    const response = await ask(stage, mediamtx, { target: show }, member('query', query))
    expect(response.status).toBe(403)
  })

  it('gives the token of an Authorization header, or a password, without a name', async () => {
    const stage = await startAskedGate()
    const token = stage.mint({ path: '/live/show/*' })
    expect((await ask(stage, mediamtx, { target: show }, member('token', token))).status).toBe(204)
    const bad = await ask(stage, mediamtx, { target: show }, member('token', `${token}0`))
    // Credentials came: to ask for them would not help.
    expect(bad.status).toBe(403)
  })

  it.each(['read', 'playback'])('may be asked to allow %s', async (action) => {
    const { stage, target } = await started()
    expect((await ask(stage, mediamtx, { target }, member('action', action))).status).toBe(204)
  })

  it.each(['publish', 'api', 'metrics', 'pprof', '', 'READ', 'something else'])(
    'is allowed no %s, whatever the token',
    async (action) => {
      const { stage, target } = await started()
      const response = await ask(stage, mediamtx, { target }, member('action', action))
      expect(response.status).toBe(403)
      expect(JSON.parse(response.body.toString())).toMatchObject({ reason: 'policy-refused' })
      expect(stage.log.at(-1)).toContain('only playback is decided here')
    },
  )

  it.each(['ip', 'action', 'path', 'query', 'token', 'userAgent'])(
    'is refused with two members %s',
    async (name) => {
      const { stage, target } = await started()
      expect((await ask(stage, mediamtx, { target }, twice(name))).status).toBe(403)
    },
  )

  it('may say more than we know of', async () => {
    const { stage, target } = await started()
    const more = withBody((body) => body.replace(/}$/, ',"transport":"tcp","more":{"path":1}}'))
    // A second `path` at any depth is one too many.
    expect((await ask(stage, mediamtx, { target }, more)).status).toBe(403)
    const fine = withBody((body) => body.replace(/}$/, ',"transport":"tcp","more":{"x":1}}'))
    expect((await ask(stage, mediamtx, { target }, fine)).status).toBe(204)
  })

  it.each([
    ['', 'an empty path'],
    ['live/show?x', 'a path with a query'],
    ['live/show#x', 'a path with a fragment'],
    ['/live/show', 'a path with a slash in front'],
    ['live/show/', 'a path with a slash at its end'],
    ['live/../show', 'a dot segment'],
    ['live/hdntl=x/show', 'a token in the path'],
  ])('is refused with %j: %s', async (path) => {
    const stage = await startAskedGate({ session: {}, rule: { match: { paths: ['/*'] } } })
    const target = `${show}?hdnts=${stage.mint({ path: '/*' })}`
    expect((await ask(stage, mediamtx, { target }, member('path', path))).status).toBe(403)
  })

  it.each(['{', '[]', 'null', '""', '{"ip":1}', ''])(
    'is refused with the body %j',
    async (body) => {
      const { stage, target } = await started()
      expect(
        (
          await ask(
            stage,
            mediamtx,
            { target },
            withBody(() => body),
          )
        ).status,
      ).toBe(403)
    },
  )

  it('asks for the viewer’s session too, where a page brings its token', async () => {
    const stage = await startAskedGate({
      session: { saltHeaders: ['User-Agent'] },
      rule: { match: { paths: ['/vod/*'] } },
    })
    const opened = await stage.ask(`/vod/film/index.m3u8?hdnts=${stage.mint({ path: '/vod/*' })}`)
    const token = /token="([^"]+)"/.exec(opened.headers.get('playgate-session') ?? '')?.[1] ?? ''
    const target = `/vod/film?hdntl=${token}`
    expect((await ask(stage, mediamtx, { target })).status).toBe(204)
    const other = member('userAgent', 'Thief/1.0')
    expect((await ask(stage, mediamtx, { target }, other)).status).toBe(403)
  })

  it('is let in on the access token where there are sessions, and opens none', async () => {
    const stage = await startAskedGate({ session: {} })
    const target = `${show}?hdnts=${stage.mint({ path: '/live/show*' })}`
    expect((await ask(stage, mediamtx, { target })).status).toBe(204)
    expect((await stage.gate.sessions.list({})).sessions).toEqual([])
  })

  it('is refused by a rule that counts streams: there is nothing to count by', async () => {
    const stage = await startAskedGate({ session: { maxConcurrent: 1 } })
    const token = stage.mint({ path: '/live/show*', subject: 'u7' })
    const response = await ask(stage, mediamtx, { target: `${show}?hdnts=${token}` })
    expect(response.status).toBe(403)
    expect(stage.log.at(-1)).toContain('the rule counts streams')
  })
})

describe('SRS', () => {
  const yes = [200, { code: 0, data: null }]
  const no = [200, { code: 403, data: null }]

  it('may ask for a playlist by its file name', async () => {
    const stage = await startAskedGate()
    const target = `/live/show.m3u8?hdnts=${stage.mint({ path: '/live/show*' })}`
    expect(told(await ask(stage, srs, { target }))).toEqual(yes)
  })

  it.each(['on_publish', 'on_connect', 'on_stop', 'on_dvr'])('is allowed no %s', async (action) => {
    const { stage, target } = await started()
    expect(told(await ask(stage, srs, { target }, member('action', action)))).toEqual(no)
  })

  it.each(['action', 'ip', 'vhost', 'app', 'stream', 'param'])(
    'is refused with two members %s',
    async (name) => {
      const { stage, target } = await started()
      expect(told(await ask(stage, srs, { target }, twice(name)))).toEqual(no)
    },
  )

  it('chooses the rule by its vhost', async () => {
    const stage = await startAskedGate({
      rule: { match: { hosts: ['__defaultVhost__'], paths: ['/live/*'] }, stripPrefix: '' },
    })
    const target = `${show}?hdnts=${stage.mint({ path: '/live/show*' })}`
    expect(told(await ask(stage, srs, { target }))).toEqual(yes)
    expect(told(await ask(stage, srs, { target }, member('vhost', 'other.example')))).toEqual(no)
  })

  it('is refused with an app that would end the path', async () => {
    const { stage, target } = await started()
    const app = member('app', 'live/show?')
    expect(told(await ask(stage, srs, { target }, app))).toEqual(no)
  })
})

describe('OvenMediaEngine', () => {
  const yes = [200, { allowed: true }]
  const no = (reason: string) => [200, { allowed: false, reason }]

  it('is answered {} when a stream has ended', async () => {
    const { stage, target } = await started()
    const response = await ask(stage, ome, { target }, member('status', 'closing'))
    expect([response.status, response.body.toString()]).toEqual([200, '{}'])
    expect(response.header('content-type')).toMatch(/^application\/json/)
  })

  it('signs the very bytes that it sends', async () => {
    const { stage, target } = await started()
    const unsigned = (bytes: string) => bytes.replace('"webrtc"', '"llhls" ')
    expect(told(await ask(stage, ome, { target }, unsigned))).toEqual(no('policy-refused'))
  })

  it.each([
    ['in hexadecimal', (text: string) => Buffer.from(text, 'base64url').toString('hex')],
    ['with padding', (text: string) => `${text}=`],
    ['cut', (text: string) => text.slice(0, 20)],
    ['followed by more', (text: string) => `${text}A`],
    ['empty', () => ''],
    ['twice', (text: string) => `${text}\r\nX-OME-Signature: ${text}`],
  ])('is refused with a signature %s', async (_what, change) => {
    const { stage, target } = await started()
    const changed = (bytes: string) =>
      bytes.replace(
        /X-OME-Signature: (.*)/,
        (_line, text: string) => `X-OME-Signature: ${change(text)}`,
      )
    expect(told(await ask(stage, ome, { target }, changed))).toEqual(no('policy-refused'))
  })

  it('cannot show the secret in any other way', async () => {
    const { stage, target } = await started()
    const unsigned = (bytes: string) =>
      bytes
        .replace(/X-OME-Signature: .*/, `X-Playgate-Secret: ${secret}`)
        .replace('/ome ', `/ome?secret=${secret} `)
    expect(told(await ask(stage, ome, { target }, unsigned))).toEqual(no('policy-refused'))
  })

  it('is not heard when its word is old', async () => {
    const { stage, target } = await started()
    const at = async (offsetMs: number) =>
      told(await ask(stage, ome, { target, nowMs: stage.clock.now() + offsetMs }))
    expect(await at(-300_000)).toEqual(yes)
    expect(await at(300_000)).toEqual(yes)
    expect(await at(-300_001)).toEqual(no('bad-request'))
    expect(await at(300_001)).toEqual(no('bad-request'))
    expect(told(await ask(stage, ome, { target }, member('time', 'yesterday')))).toEqual(
      no('bad-request'),
    )
  })

  it('is allowed nothing that comes in', async () => {
    const { stage, target } = await started()
    const incoming = member('direction', 'incoming')
    expect(told(await ask(stage, ome, { target }, incoming))).toEqual(no('policy-refused'))
  })

  it('tells of a proxy’s viewer only where the proxy is trusted', async () => {
    const stage = await startAskedGate({ configuration: { trustedProxies: ['10.0.0.1'] } })
    const token = stage.mint({ path: '/live/show*', ip: '198.51.100.99' })
    const target = `${show}?hdnts=${token}`
    expect(told(await ask(stage, ome, { target, address: '10.0.0.1' }))).toEqual(yes)
    expect(told(await ask(stage, ome, { target, address: '10.0.0.2' }))).toEqual(
      no('token-refused'),
    )
  })

  it('is refused with what is no URL', async () => {
    const { stage, target } = await started()
    const bad = member('url', '/live/show')
    expect(told(await ask(stage, ome, { target }, bad))).toEqual(no('bad-request'))
  })
})

describe('nginx-rtmp', () => {
  const append = (args: string) => (bytes: string) => {
    const [head = '', body = ''] = bytes.split('\r\n\r\n')
    const length = Buffer.byteLength(body + args)
    return `${head.replace(/Content-Length: \d+/, `Content-Length: ${length}`)}\r\n\r\n${body}${args}`
  }

  it.each([
    'addr=192.0.2.99',
    'name=show',
    'app=live',
    'call=play',
    '%61ddr=192.0.2.99',
    'tcurl=x',
  ])('is refused when the viewer’s arguments bring %s', async (args) => {
    const { stage, target } = await started()
    expect((await ask(stage, rtmp, { target }, append(`&${args}`))).status).toBe(403)
  })

  it('passes any other argument on', async () => {
    const { stage, target } = await started()
    expect((await ask(stage, rtmp, { target }, append('&quality=high'))).status).toBe(204)
  })

  it('may ask with GET', async () => {
    const { stage, target } = await started()
    const asGet = (bytes: string) => {
      const [, body] = bytes.split('\r\n\r\n')
      return `GET /_playgate/authorize/nginx-rtmp?secret=${secret}&${body} HTTP/1.0\r\nHost: a\r\n\r\n`
    }
    expect((await ask(stage, rtmp, { target }, asGet)).status).toBe(204)
    const guess = (bytes: string) => asGet(bytes).replace(' HTTP', '&secret=x HTTP')
    expect((await ask(stage, rtmp, { target }, guess)).status).toBe(403)
  })

  it.each(['publish', 'update_play', 'record_done'])('is allowed no %s', async (call) => {
    const { stage, target } = await started()
    const other = (bytes: string) => append('')(bytes.replace('call=play', `call=${call}`))
    expect((await ask(stage, rtmp, { target }, other)).status).toBe(403)
  })

  it('is refused with an app that would end the path', async () => {
    const { stage, target } = await started()
    const other = (bytes: string) => append('')(bytes.replace('app=live', 'app=live%2Fshow%3F'))
    expect((await ask(stage, rtmp, { target }, other)).status).toBe(403)
  })
})

describe('Tencent CSS', () => {
  const uri = (text: string) => (bytes: string) => bytes.replace(/uri=[^& ]*/, `uri=${text}`)
  const status = ({ status }: RawResponse) => status

  it.each(['POST', 'GET', 'HEAD'])('may ask with %s', async (method) => {
    const { stage, target } = await started()
    const response = await ask(stage, tencent, { target, method })
    expect([response.status, response.body.toString()]).toEqual([200, ''])
    const refused = await ask(stage, tencent, { target: show, method })
    expect(refused.status).toBe(403)
  })

  it('may show the secret as a parameter', async () => {
    const { stage, target } = await started()
    const inQuery = (given: string) => (bytes: string) =>
      bytes.replace('&cdn_ip', `&secret=${given}&cdn_ip`)
    expect(status(await ask(stage, tencent, { target, secret: null }, inQuery(secret)))).toBe(200)
    expect(status(await ask(stage, tencent, { target, secret: null }, inQuery('guess')))).toBe(403)
    const twiceTold = inQuery(`${secret}&secret=${secret}`)
    expect(status(await ask(stage, tencent, { target, secret: null }, twiceTold))).toBe(403)
  })

  it.each([
    ['/live/show', 200],
    ['%2Flive%2Fshow', 200],
    ['http://video.example.com/live/show', 200],
    ['https%3A%2F%2Fvideo.example.com%2Flive%2Fshow', 200],
    ['http://other.example/live/show', 403],
    ['live/show', 403],
    ['', 403],
    ['/live/other', 403],
  ])('may name the original URL as %s: %i', async (text, expected) => {
    const { stage, target } = await started()
    expect(status(await ask(stage, tencent, { target }, uri(text)))).toBe(expected)
  })

  it('finds the token in the original URL as well', async () => {
    const { stage, target } = await started()
    const whole = uri(encodeURIComponent(target))
    expect(status(await ask(stage, tencent, { target: show }, whole))).toBe(200)
  })

  it.each(['uri=/live/show', 'client_ip=192.0.2.7', 'host=video.example.com', 'u%72i=/live/show'])(
    'is refused when a viewer brings %s himself',
    async (own) => {
      const { stage, target } = await started()
      expect(status(await ask(stage, tencent, { target: `${target}&${own}` }))).toBe(403)
    },
  )

  it.each(['uri', 'client_ip', 'host'])('is refused without %s', async (name) => {
    const { stage, target } = await started()
    const without = (bytes: string) => bytes.replace(new RegExp(`[&?]${name}=[^& ]*`), '')
    expect(status(await ask(stage, tencent, { target }, without))).toBe(403)
  })

  it('lets in to a playlist on the access token where there are sessions, and to no file', async () => {
    const stage = await startAskedGate({ session: {} })
    const token = stage.mint({ path: '/live/show*' })
    const at = async (path: string) =>
      status(await ask(stage, tencent, { target: `${path}?hdnts=${token}` }))
    expect(await at('/live/show.m3u8')).toBe(200)
    expect(await at('/live/show.flv')).toBe(403)
    expect(await at('/live/show-1.ts')).toBe(403)
    // Nor does a cookie that is no good, where the viewer's headers come along.
    const withCookie = (bytes: string) => bytes.replace(/\r\n\r\n$/, '\r\nCookie: hdntl=x\r\n\r\n')
    const target = `/live/show-1.ts?hdnts=${token}`
    expect(status(await ask(stage, tencent, { target }, withCookie))).toBe(403)
  })

  it('reads a form beside the query, and what stands in both is refused', async () => {
    const { stage, target } = await started()
    const form = (body: string) => (bytes: string) =>
      `${bytes
        .trimEnd()
        .replace(
          'Content-Length: 0',
          `Content-Length: ${body.length}`,
        )}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n${body}`
    const token = target.slice(target.indexOf('hdnts='))
    expect(status(await ask(stage, tencent, { target: show }, form(token)))).toBe(200)
    expect(status(await ask(stage, tencent, { target }, form('uri=/live/show')))).toBe(403)
  })
})
