import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startGate } from '../stage/start-gate.ts'
import {
  expectRefused,
  expectService,
  openSession,
  playlist,
  segment,
  send,
  sign,
  tokenOf,
} from './refusal.ts'

const site = 'https://www.example.com'
const cookieRule = {
  session: { carrier: ['cookie' as const] },
  rule: { cors: { origins: [site] } },
}

/** Name, value and attributes of one `Set-Cookie`, attributes in lower case. */
function parseCookie(line: string) {
  const [pair = '', ...rest] = line.split('; ')
  const equals = pair.indexOf('=')
  const attributes = new Map(
    rest.map((text): [string, string] => {
      const [name = '', value = ''] = text.split('=')
      return [name.toLowerCase(), value]
    }),
  )
  return { name: pair.slice(0, equals), value: pair.slice(equals + 1), attributes }
}

describe('T85 and T87: a session cookie', () => {
  it.each([
    ['/vod/film/*', '/vod/film/', 'hdntl'],
    ['/vod/film/index.m3u8!/vod/film/low/*', '/vod/film/', 'hdntl'],
    ['/vod/film/index.m3u8!/vod/other/*', '/vod/', 'hdntl'],
    ['/vod/f*', '/vod/', 'hdntl'],
    ['/vod/f?lm/*', '/vod/', 'hdntl'],
    ['*', '/', '__Host-hdntl'],
    ['/vod/film/*!/x/*', '/', '__Host-hdntl'],
    ['%2fvod%2ffilm%2f*', '/vod/film/', 'hdntl'],
    ['/vod/film/*!/vod/film;Domain=evil.example/*', '/vod/', 'hdntl'],
    ['/vod/film/*!/vod/film%3b%20Domain=evil.example/*', '/vod/', 'hdntl'],
    ['/vod/film/*!/vod/film/%0d%0aX:y/*', '/vod/film/', 'hdntl'],
  ])('for the ACL %s is narrow and out of reach for scripts', async (acl, path, name) => {
    const stage = await startGate(cookieRule)
    const token = sign(`exp=${stage.clock.nowSeconds() + 60}~acl=${acl}`)
    const answer = await stage.ask(`${playlist}?hdnts=${encodeURIComponent(token)}`)
    expect(answer.status).toBe(200)
    const lines = answer.headers.getSetCookie()
    expect(lines).toHaveLength(1)
    const cookie = parseCookie(lines[0] ?? '')
    expect([cookie.name, cookie.attributes.get('path')]).toEqual([name, path])
    const rest = Object.fromEntries([...cookie.attributes].filter(([key]) => key !== 'path'))
    expect(rest).toEqual({ 'max-age': '312', httponly: '', secure: '', samesite: 'Lax' })
    // RFC 6265 section 4.1.1: what a cookie's value may be made of.
    expect(cookie.value).toMatch(/^[!#-+\--:<-[\]-~,]+$/)
    // T88: the very text, escapes and all, comes back and verifies.
    const back = await send(stage, segment, {
      headers: [`Cookie: a=b; ${name}=${cookie.value}; c="d"`],
    })
    expect(back.status).toBe(acl.includes('low') || !acl.includes('index.m3u8!') ? 200 : 403)
  })

  it('T86: given twice with different values is refused, whoever has put it there', async () => {
    const stage = await startGate(cookieRule)
    const [mine, tossed] = [await openSession(stage), await openSession(stage)]
    const bad = { status: 400, reason: 'bad-request' }
    for (const cookie of [
      `hdntl=${tossed}; hdntl=${mine}`,
      `hdntl=x; hdntl=${mine}`,
      `hdntl=${mine}; hdntl=`,
    ]) {
      await expectRefused(
        stage,
        () => send(stage, segment, { headers: [`Cookie: ${cookie}`] }),
        bad,
      )
    }
    // The prefixed one cannot be tossed by a sibling host, and goes first.
    const prefixed = await openSession(stage, { path: '/*' })
    const both = [`Cookie: hdntl=forged; __Host-hdntl=${prefixed}`]
    expect((await send(stage, segment, { headers: both })).status).toBe(200)
    // One that is no good hides no good one: both are there after sessions with wide and with narrow ACLs.
    const stale = [`Cookie: __Host-hdntl=forged; hdntl=${mine}`]
    expect((await send(stage, segment, { headers: stale })).status).toBe(200)
    const lies = ['Cookie: __Host-hdntl=forged; hdntl=forged']
    await expectRefused(stage, () => send(stage, segment, { headers: lies }))
  })

  it('reads no cookie of a like name', async () => {
    const stage = await startGate(cookieRule)
    const token = await openSession(stage)
    for (const name of [
      'HDNTL',
      'xhdntl',
      'hdntl2',
      '$hdntl',
      '__Secure-hdntl',
      '%68dntl',
      'hdntl[]',
      '__proto__',
    ]) {
      const headers = [`Cookie: ${name}=${token}`]
      await expectRefused(stage, () => send(stage, segment, { headers }), {
        reason: 'token-missing',
      })
    }
    for (const text of ['hdntl', '=', ';;;', `x hdntl=${token}`, ',', '=hdntl', '"hdntl"=x']) {
      await expectRefused(stage, () => send(stage, segment, { headers: [`Cookie: ${text}`] }))
    }
  })

  it('is refused by configuration together with a star for origins', async () => {
    const rule = { cors: { origins: ['*'] } }
    await expect(startGate({ session: { carrier: ['cookie'] }, rule })).rejects.toThrow(/cors/)
  })
})

describe('T89: CORS', () => {
  const strangers = [
    ...[
      'https://www.example.com.evil.example',
      'https://evilwww.example.com',
      'http://www.example.com',
      'null',
    ],
    ...[
      'https://www.example.com:8443',
      'https://WWW.example.com',
      'https://www.example.com/',
      'https://example.com',
    ],
    ...[
      'https://www.example.com, https://www.example.com',
      'www.example.com',
      '*',
      'https://www.example.com\t'.trim(),
    ],
    ...[
      'https://u@www.example.com',
      'https://www.example.com%00.evil',
      'https://www_example.com',
      'file://',
    ],
  ].filter((origin) => origin !== site)
  it.each(strangers)('lets %s read nothing, good token or not', async (origin) => {
    const stage = await startGate(cookieRule)
    const headers = [`Origin: ${origin}`]
    for (const target of [
      playlist,
      `${playlist}?hdnts=${stage.mint()}`,
      '/vod/..',
      '/_playgate/session',
    ]) {
      const answer = await send(stage, target, { headers })
      expect(answer.header('access-control-allow-origin')).toBeNull()
      expect(answer.header('access-control-allow-credentials')).toBeNull()
      if (target.startsWith(playlist)) expect(answer.header('vary')).toContain('Origin')
    }
    const preflight = await send(stage, segment, {
      method: 'OPTIONS',
      headers: [...headers, 'Access-Control-Request-Method: GET'],
    })
    expect([preflight.status, preflight.header('access-control-allow-origin')]).toEqual([204, null])
  })

  it('never allows credentials with a star', async () => {
    const stage = await startGate()
    for (const target of [playlist, `${playlist}?hdnts=${stage.mint()}`, '/_playgate/session']) {
      for (const method of ['GET', 'OPTIONS']) {
        const headers = [`Origin: ${site}`, 'Access-Control-Request-Method: POST']
        const answer = await send(stage, target, { method, headers })
        expect(answer.header('access-control-allow-credentials')).toBeNull()
        expect(answer.header('access-control-allow-origin') ?? '*').toBe('*')
      }
    }
  })

  it('answers preflights alike for whatever stands behind the path, with or without a token', async () => {
    const stage = await startGate(cookieRule)
    const session = await openSession(stage)
    const before = stage.origin.requests.length
    const answers = await Promise.all(
      [
        segment,
        '/vod/none',
        `${segment}?hdntl=${session}`,
        `${segment}?hdntl=x`,
        '/vod/film/x.json',
      ].map((target) =>
        send(stage, target, {
          method: 'OPTIONS',
          headers: [`Origin: ${site}`, 'Access-Control-Request-Method: GET'],
        }),
      ),
    )
    const shown = answers.map((a) => [a.status, a.text, a.header('access-control-allow-headers')])
    expect(new Set(shown.map((one) => JSON.stringify(one)))).toHaveLength(1)
    expect(stage.origin.requests).toHaveLength(before)
  })
})

describe('T90: a request from another site', () => {
  const body = (stage: { mint(): string }) =>
    JSON.stringify({ accessToken: stage.mint(), path: playlist })

  it.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form with files', 'multipart/form-data; boundary=x'],
    ['a form of text', 'text/plain'],
    ['text that says JSON', 'text/plain; application/json'],
    ['JSON with a suffix', 'application/jsonx'],
    ['a like type', 'application/ld+json'],
    ['no type', ''],
  ])('that needs no preflight mints nothing: %s', async (_what, type) => {
    const stage = await startGate(cookieRule)
    const text = body(stage)
    const headers = [
      ...[
        `Content-Type: ${type}`,
        `Content-Length: ${text.length}`,
        'Origin: https://evil.example',
      ],
      'Sec-Fetch-Site: cross-site',
    ]
    const asking = () => send(stage, '/_playgate/session', { method: 'POST', headers, body: text })
    await expectRefused(stage, asking, { status: 400, reason: 'bad-request' })
  })

  it('opens no session by cookies alone at the endpoint, nor in a method of another', async () => {
    const stage = await startGate(cookieRule)
    const headers = [`Cookie: hdnts=${stage.mint()}; hdntl=${await openSession(stage)}`]
    const json = [...headers, 'Content-Type: application/json', 'Content-Length: 2']
    await expectRefused(
      stage,
      () => send(stage, '/_playgate/session', { method: 'POST', headers: json, body: '{}' }),
      { status: 400 },
    )
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      await expectRefused(stage, () => send(stage, '/_playgate/session', { method, headers }), {
        status: 405,
      })
    }
    await expectService(stage)
  })

  it('sets no cookie for a page of another site where another carrier is there', async () => {
    const stage = await startGate({ ...cookieRule, session: { carrier: ['cookie', 'query'] } })
    const headers = ['Sec-Fetch-Site: cross-site', 'Origin: https://evil.example']
    const opened = await send(stage, `${playlist}?hdnts=${stage.mint()}`, { headers })
    expect(opened.header('set-cookie')).toBeNull()
    expect(opened.text).toContain(tokenOf(opened))
    expect(opened.header('access-control-allow-origin')).toBeNull()
  })
})

describe('T91: markup and redirects', () => {
  it('are built from no input: no file uses Koa’s redirects', () => {
    const files = readdirSync('server', { recursive: true, encoding: 'utf8' })
    const sources = files.filter((name) => name.endsWith('.ts'))
    expect(sources.length).toBeGreaterThan(50)
    for (const name of sources) {
      const source = readFileSync(join('server', name), 'utf8')
      expect([name, /\bctx\.(?:redirect|back)\b/.test(source)]).toEqual([name, false])
    }
  })

  it('a refusal that redirects goes where the configuration says, whatever is asked', async () => {
    const denial = { status: 302, location: 'https://www.example.com/login' }
    const stage = await startGate({ rule: { denial } })
    for (const target of [
      playlist,
      `${playlist}?next=//evil.example`,
      `${playlist}?hdnts=//evil.example`,
    ]) {
      const headers = ['Referer: https://evil.example', 'Host: evil.example']
      const answer = await expectRefused(stage, () => send(stage, target, { headers }), {
        status: 302,
      })
      expect(answer.header('location')).toBe(denial.location)
    }
  })
})
