import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { HeldCredential } from '../../player/credential.ts'
import { place } from '../../player/place.ts'
import type { Transport } from '../../player/types.ts'

const access: HeldCredential = {
  token: 'exp=1~acl=/vod/*~hmac=0a',
  parameter: 'hdnts',
  isSession: false,
  life: 60,
  sent: 0,
}
const session: HeldCredential = {
  ...access,
  token: 'exp=1~acl=/vod/*~data=hdntl~hmac=0b',
  parameter: 'hdntl',
  isSession: true,
}
const names = new Set(['hdnts', 'hdntl'])
const base = 'https://video.test'

function placed(url: string, credential: HeldCredential | null, transport: Transport = 'query') {
  return place({ url, headers: { Accept: '*/*' } }, credential, transport, names)
}

describe('in a query', () => {
  it.each([
    ['no query', '/a.m3u8', `/a.m3u8?hdntl=${session.token}`],
    ['an empty query', '/a.m3u8?', `/a.m3u8?hdntl=${session.token}`],
    [
      'delivery directives',
      '/a.m3u8?_HLS_msn=3&_HLS_part=0',
      `/a.m3u8?_HLS_msn=3&_HLS_part=0&hdntl=${session.token}`,
    ],
    ['an older token', `/a.m3u8?hdntl=old&x=1`, `/a.m3u8?x=1&hdntl=${session.token}`],
    ['the access token', `/a.m3u8?hdnts=${access.token}&x=1`, `/a.m3u8?x=1&hdntl=${session.token}`],
    [
      'both, and twice',
      `/a.m3u8?hdnts=a&x=1&hdntl=b&hdntl=c`,
      `/a.m3u8?x=1&hdntl=${session.token}`,
    ],
    [
      'look-alikes',
      '/a.m3u8?xhdntl=1&hdntl2=2&HDNTL=3&y=hdntl=4',
      `/a.m3u8?xhdntl=1&hdntl2=2&HDNTL=3&y=hdntl=4&hdntl=${session.token}`,
    ],
    ['empty pairs', '/a.m3u8?a=1&&b=2', `/a.m3u8?a=1&&b=2&hdntl=${session.token}`],
    [
      'a signature of others',
      '/a.m3u8?sig=exp=1~acl=/*!x~hmac=2&p=%7E%2f%2F+%20',
      `/a.m3u8?sig=exp=1~acl=/*!x~hmac=2&p=%7E%2f%2F+%20&hdntl=${session.token}`,
    ],
    [
      'the token itself',
      `/a.m3u8?x=1&hdntl=${session.token}`,
      `/a.m3u8?x=1&hdntl=${session.token}`,
    ],
    [
      'a CMCD parameter',
      '/a.m3u8?CMCD=cid%3D%22c%22%2Csu',
      `/a.m3u8?CMCD=cid%3D%22c%22%2Csu&hdntl=${session.token}`,
    ],
    [
      'a path with odd bytes',
      '/v%2fod/a~b=c*(1)/a%20b.m3u8',
      `/v%2fod/a~b=c*(1)/a%20b.m3u8?hdntl=${session.token}`,
    ],
  ])('goes behind %s', (_, before, after) => {
    expect(placed(base + before, session).url).toBe(base + after)
  })

  it('leaves the bytes of all other pairs as the browser sends them', () => {
    const pair = fc.stringMatching(/^[a-z]{1,4}=[\w~=/*!.,:;@+%-]{0,12}$/)
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1 }), (pairs) => {
        const url = `${base}/a.ts?${pairs.join('&')}`
        expect(placed(url, session).url).toBe(`${url}&hdntl=${session.token}`)
        expect(placed(placed(url, session).url, null).url).toBe(url)
      }),
    )
  })

  it('takes the place of the session token when there is only an access token', () => {
    expect(placed(`${base}/a.ts?hdntl=old`, access).url).toBe(`${base}/a.ts?hdnts=${access.token}`)
  })
})

describe('in a header', () => {
  it.each([access, session])(
    'goes beside the other headers, and no token stays in the URL',
    (credential) => {
      const url = `${base}/hdntl=old/a.ts?hdnts=x&y=1`
      expect(placed(url, credential, 'header')).toEqual({
        url: `${base}/a.ts?y=1`,
        headers: { Accept: '*/*', [credential.parameter]: credential.token },
      })
    },
  )
})

describe('in a cookie', () => {
  it('the session token is with the browser, so the URL has none', () => {
    expect(placed(`${base}/a.ts?hdnts=x&y=1`, session, 'cookie').url).toBe(`${base}/a.ts?y=1`)
  })

  it('no access token can ride, so it goes into the query', () => {
    expect(placed(`${base}/a.ts`, access, 'cookie').url).toBe(`${base}/a.ts?hdnts=${access.token}`)
  })
})

describe('in a path', () => {
  const segment = 'hdntl=exp=1~acl=%2Fvod%2F*~data=hdntl~hmac=0b'

  it.each([
    ['none', '/vod/a.ts?x=1', `/${segment}/vod/a.ts?x=1`],
    ['an older one', '/hdntl=old/vod/a.ts?x=1', `/${segment}/vod/a.ts?x=1`],
    ['the very one', `/${segment}/vod/a.ts`, `/${segment}/vod/a.ts`],
    ['the access token in the query', `/vod/a.ts?hdnts=x`, `/${segment}/vod/a.ts`],
    ['a segment that only looks like one', '/quality=high/a.ts', `/${segment}/quality=high/a.ts`],
    ['one further down', '/vod/hdntl=old/a.ts', `/${segment}/vod/hdntl=old/a.ts`],
  ])('stands in front where there was %s', (_, before, after) => {
    expect(placed(base + before, session, 'path').url).toBe(base + after)
  })

  it.each(['query', 'path'] as const)('stays when the server put one there (%s)', (transport) => {
    expect(placed(`${base}/hdntl=old/vod/a.ts?x=1`, session, transport).url).toBe(
      `${base}/${segment}/vod/a.ts?x=1`,
    )
  })

  it('never holds an access token', () => {
    expect(placed(`${base}/hdntl=old/vod/a.ts`, access, 'path').url).toBe(
      `${base}/vod/a.ts?hdnts=${access.token}`,
    )
  })
})

describe('the request', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('is copied, not changed, and keeps all else', () => {
    const frag = { sn: 1 }
    const request = Object.freeze({
      url: `${base}/a.ts`,
      headers: Object.freeze({}),
      frag,
      rangeEnd: 5,
    })
    expect(place(request, session, 'header', names)).toEqual({
      ...request,
      headers: { hdntl: session.token },
    })
    expect(place(request, session, 'query', names).frag).toBe(frag)
  })

  it('may have a URL relative to the page', () => {
    vi.stubGlobal('document', { baseURI: `${base}/watch/film.html` })
    expect(placed('../vod/a.m3u8', session, 'path').url).toBe(
      `${base}/hdntl=exp=1~acl=%2Fvod%2F*~data=hdntl~hmac=0b/vod/a.m3u8`,
    )
    expect(placed('/vod/a.m3u8', session).url).toBe(`${base}/vod/a.m3u8?hdntl=${session.token}`)
  })

  it('without a credential is freed of every token', () => {
    expect(placed(`${base}/hdntl=a/vod/a.ts?hdnts=b&x=1&hdntl=c`, null).url).toBe(
      `${base}/vod/a.ts?x=1`,
    )
  })
})
