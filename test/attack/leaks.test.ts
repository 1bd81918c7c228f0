import { describe, expect, it } from 'vitest'
import { reply } from '../stage/fake-origin.ts'
import { addressOf, exchange } from '../stage/raw-socket.ts'
import { media, otherKey, type StagedGate, startGate, testKey } from '../stage/start-gate.ts'
import {
  carrying,
  expectRefused,
  openSession,
  places,
  playlist,
  type Reply,
  segment,
  send,
  sign,
  tokenOf,
} from './refusal.ts'

const forge = (token: string) => token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')

/** A shared cache that does what RFC 9111 lets it do: stores unless told not to, serves to whoever asks the same. */
function cacheInFront(stage: StagedGate) {
  const kept = new Map<string, { reply: Reply; vary: Map<string, string> }>()
  const valueIn = (headers: readonly string[], name: string) =>
    headers.find((line) => line.toLowerCase().startsWith(`${name}:`)) ?? ''
  return {
    kept,
    async ask(target: string, headers: readonly string[] = []): Promise<Reply> {
      const hit = kept.get(target)
      if (hit && [...hit.vary].every(([name, value]) => valueIn(headers, name) === value))
        return hit.reply
      const answer = await send(stage, target, { headers })
      const control = answer.header('cache-control') ?? ''
      const names = (answer.header('vary') ?? '')
        .toLowerCase()
        .split(/\s*,\s*/)
        .filter(Boolean)
      // RFC 9111 section 3: 403 and 404 may be stored by heuristics too, so status does not count here.
      if (!/no-store|private|no-cache/.test(control) && !names.includes('*')) {
        kept.set(target, {
          reply: answer,
          vary: new Map(names.map((name) => [name, valueIn(headers, name)])),
        })
      }
      return answer
    },
  }
}

describe('T75: a conforming shared cache', () => {
  it.each(['query', 'path', 'cookie', 'header', 'player'] as const)(
    'keeps nothing that was permitted to one viewer, for the carrier %s',
    async (carrier) => {
      const fresh = {
        'Cache-Control': 'public, max-age=999, s-maxage=999',
        ETag: '"1"',
        Expires: 'Fri, 01 Jan 2100 00:00:00 GMT',
      }
      const stage = await startGate({
        session: { carrier: [carrier], saltHeaders: [] },
        routes: {
          '/film/low/index.m3u8': reply(200, { ...fresh, 'Content-Type': 'audio/mpegurl' }, media),
          '/film/low/1.m4s': reply(200, { ...fresh, 'Content-Type': 'video/mp4' }, 'x'),
        },
      })
      const cache = cacheInFront(stage)
      const one = await cache.ask(playlist, [`hdnts: ${stage.mint()}`])
      const other = await cache.ask(playlist, [`hdnts: ${stage.mint()}`])
      expect(tokenOf(one)).not.toBe(tokenOf(other))
      expect(other.text).not.toContain(tokenOf(one))
      const place = carrier === 'player' ? 'header' : carrier
      for (const path of ['/vod/film/low/index.m3u8', segment, '/vod/film/low/none.m4s']) {
        const { target, headers } = carrying(path, [{ place, name: 'hdntl', token: tokenOf(one) }])
        expect((await cache.ask(target, headers)).status).toBe(path.includes('none') ? 404 : 200)
        // The stranger asks for the same URL without what only a header or cookie could carry.
        if (place === 'header' || place === 'cookie')
          expect((await cache.ask(target)).status).toBe(403)
      }
      expect((await cache.ask(playlist)).status).toBe(403)
      expect(cache.kept.size).toBe(0)
    },
  )

  it('T77: gets the same bytes for an open rule whatever the unkeyed headers say', async () => {
    const stage = await startGate({
      rule: { open: true, access: undefined as never, session: undefined as never },
    })
    const plain = await send(stage, '/vod/film/low/index.m3u8')
    for (const header of [
      ...[
        'X-Forwarded-Host: evil',
        'X-Forwarded-Proto: evil',
        'Origin: https://evil.example',
        'X-Original-URL: /x',
      ],
      ...[
        'User-Agent: evil',
        'Cookie: hdntl=evil',
        'hdntl: evil',
        'Host: evil.example',
        'Forwarded: host=evil',
      ],
    ]) {
      const twin = await send(stage, '/vod/film/low/index.m3u8', { headers: [header] })
      expect([header, twin.text, twin.status]).toEqual([header, plain.text, 200])
      for (const name of ['access-control-allow-origin', 'content-type', 'vary', 'cache-control']) {
        expect([name, twin.header(name)]).toEqual([name, plain.header(name)])
      }
    }
  })

  it('T78: our own cache holds the origin’s bytes, and each viewer their own token', async () => {
    const stage = await startGate({ session: { saltHeaders: [] } })
    const tokens = [await openSession(stage), await openSession(stage, { subject: 'other' })]
    for (const token of [...tokens, ...tokens]) {
      const answer = await send(stage, `/vod/film/low/index.m3u8?hdntl=${token}`)
      expect(answer.text.replaceAll(`?hdntl=${token}`, '')).toBe(media)
    }
    const asked = stage.origin.requests.filter(({ path }) => path.includes('low/index'))
    expect(asked).toHaveLength(1)
  })
})

describe('T79: a conditional or range request without permission', () => {
  it.each([
    ...[
      'If-None-Match: *',
      'If-None-Match: "1"',
      'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT',
      'If-Match: "x"',
    ],
    ...[
      'Range: bytes=0-0',
      'Range: bytes=999999-',
      'Range: bytes=0-,0-,0-',
      'If-Range: "x"',
      'Expect: 100-continue',
    ],
    ...[
      'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
      'Accept: nothing/*',
      'Accept-Encoding: br;q=0, *;q=0',
    ],
    ...['Cache-Control: only-if-cached', 'Prefer: return=minimal'],
  ])('%s gets the refusal it would get without it', async (header) => {
    const stage = await startGate()
    for (const target of [
      playlist,
      segment,
      `${segment}?hdnts=${stage.mint()}`,
      `${segment}?hdntl=x`,
    ]) {
      const plain = await expectRefused(stage, () => send(stage, target))
      const twin = await expectRefused(stage, () => send(stage, target, { headers: [header] }))
      expect(twin.text).toBe(plain.text)
    }
  })

  it('T97: with permission: one range at most, none for playlists', async () => {
    const stage = await startGate()
    const token = await openSession(stage)
    for (const range of [
      'bytes=0-0,2-3',
      'bytes=5-1',
      'bytes=-',
      'bytes=a-b',
      'lines=0-1',
      `bytes=0-${'9'.repeat(40)}`,
      'bytes=0-1,'.repeat(500),
    ]) {
      const answer = await send(stage, `${segment}?hdntl=${token}`, {
        headers: [`Range: ${range}`],
      })
      expect([range.slice(0, 20), answer.status, answer.text]).toEqual([
        range.slice(0, 20),
        200,
        'segment one',
      ])
      expect(stage.origin.requests.at(-1)?.headers.range ?? 'bytes=0-999').toMatch(
        /^bytes=\d+-\d+$/,
      )
    }
    const whole = await send(stage, `/vod/film/low/index.m3u8?hdntl=${token}`, {
      headers: ['Range: bytes=0-3'],
    })
    expect(whole.status).toBe(200)
    expect(stage.origin.requests.at(-1)?.headers.range).toBeUndefined()
  })
})

describe('T81, T83 and T84: what a refusal tells', () => {
  it('is the same for every cause with the same public reason', async () => {
    // T84 wants one refusal for all; design section 4 has a closed list of reasons, and wins.
    const stage = await startGate()
    const end = stage.clock.nowSeconds() + 60
    const good = stage.mint()
    const causes = [
      ...[
        'x',
        '',
        forge(good),
        sign(`exp=${end}~acl=/vod/film/*`, { key: otherKey }),
        good.slice(0, -1),
      ],
      ...[
        stage.mint({ path: '/vod/other/*' }),
        stage.mint({ ip: '203.0.113.9' }),
        sign(`exp=${end}~acl=/*~x=y`),
      ],
      ...[
        sign(`st=${end}~exp=${end + 1}~acl=/*`),
        sign(`exp=${end + 90_000}~acl=/*`),
        sign(`exp=${end}~acl=/*~data=hdntl`),
      ],
      ...[sign('exp=1~acl=/*', { key: otherKey }), await openSession(stage)],
    ]
    const replies = await Promise.all(
      causes.map((token) =>
        send(stage, `${playlist}?hdnts=${token}`, { headers: ['Connection: close'] }),
      ),
    )
    const shown = replies.map(({ status, text, header }) => [
      ...[status, text, header('cache-control'), header('content-length'), header('content-type')],
    ])
    expect(new Set(shown.map((one) => JSON.stringify(one)))).toHaveLength(1)
    expect(JSON.parse(replies[0]?.text ?? '')).toEqual({
      ...{
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        reason: 'token-refused',
        renew: true,
      },
    })
  })

  it('T83: does not tell known assets from unknown ones, in any header', async () => {
    const stage = await startGate()
    const paths = [
      playlist,
      '/vod/film/none.m3u8',
      segment,
      '/vod/none/none.m4s',
      '/vod/film/',
      '/vod/film/x.json',
    ]
    for (const query of [
      '',
      '?hdnts=x',
      '?hdntl=x',
      `?hdnts=${stage.mint({ path: '/vod/nothing/*' })}`,
    ]) {
      const heads = await Promise.all(
        paths.map(async (path) => {
          const bytes = `GET ${path}${query} HTTP/1.1\r\nHost: a\r\n\r\n`
          const { status, headers, body } = await exchange(addressOf(stage.url), bytes)
          return JSON.stringify([
            status,
            headers.filter(([name]) => name !== 'Date'),
            body.toString(),
          ])
        }),
      )
      expect(new Set(heads)).toHaveLength(1)
    }
    expect(stage.origin.requests).toEqual([])
  })

  it('T81 and T91: never holds what was sent', async () => {
    const stage = await startGate()
    const mark = 'zqzqzq'
    const targets = [
      ...[
        `/vod/${mark}.m3u8`,
        `/vod/film/${mark}/../x`,
        `/${mark}`,
        `/_playgate/${mark}`,
        `${playlist}?hdnts=${mark}`,
      ],
      ...[
        `${playlist}?hdntl=${mark}&hdntl=x`,
        `/hdntl=${mark}${segment}`,
        `/vod/%3Cscript%3E${mark}`,
        `/vod/<b>${mark}`,
      ],
      ...[`http://${mark}/`, `/vod/film/${mark}#`, `/vod/${mark};x`, `${playlist}?<script>${mark}`],
    ]
    for (const target of targets) {
      for (const headers of [
        [],
        [`Cookie: hdntl=${mark}`, `X-Y: ${mark}`, `Referer: ${mark}`, `User-Agent: ${mark}`],
      ]) {
        const answer = await send(stage, target, { headers })
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.text).not.toMatch(new RegExp(`${mark}|<|script`))
        expect(answer.header('location')).toBeNull()
        expect(answer.header('content-type')).toBe('application/problem+json')
        expect(answer.header('x-content-type-options')).toBe('nosniff')
        expect(answer.header('content-security-policy') ?? '').toMatch(/^default-src 'none'|^$/)
      }
    }
  })
})

describe('T80: the log of a whole run', () => {
  it('holds no token, no hmac and no piece of one', async () => {
    const stage = await startGate({
      session: { carrier: ['cookie', 'query'] },
      rule: { cors: { origins: [] } },
      routes: {
        '/film/breaks.m4s': (_request, response) => void response.destroy(),
        '/film/breaks.m3u8': reply(500),
        '/film/moves.m3u8': reply(302, { Location: 'https://evil.example/' }),
        '/film/bad.m3u8': reply(200, { 'Content-Type': 'audio/mpegurl' }, 'no'),
      },
    })
    const end = stage.clock.nowSeconds() + 60
    const tokens = [
      ...[
        stage.mint(),
        stage.mint({ subject: 'user-7', payload: 'x' }),
        stage.mint({ ip: '203.0.113.9' }),
      ],
      ...[
        await openSession(stage),
        await openSession(stage, { subject: 'someone' }),
        sign(`exp=${end}`, { url: playlist }),
      ],
      ...[
        sign('exp=1~acl=/vod/*'),
        sign(`exp=${end}~acl=/vod/*`, { key: otherKey }),
        forge(stage.mint()),
      ],
    ]
    const spellings = (token: string) => [
      ...[
        token,
        encodeURIComponent(token),
        encodeURIComponent(encodeURIComponent(token)),
        `${token}x`,
      ],
      ...[
        token.replaceAll('/', '%2f'),
        token.replaceAll('=', '%3D'),
        token.replaceAll('~', '%7E'),
        `"${token}"`,
      ],
    ]
    const paths = [
      ...[
        playlist,
        segment,
        '/vod/film/none.m4s',
        '/vod/film/breaks.m4s',
        '/vod/film/breaks.m3u8',
        '/none',
        '/vod/../x',
      ],
      ...[
        '/vod/film/moves.m3u8',
        '/vod/film/bad.m3u8',
        '/vod/film/x;y',
        '/_playgate/session',
        '/_playgate/none',
      ],
    ]
    for (const token of tokens) {
      for (const spelled of spellings(token)) {
        const path = paths[spelled.length % paths.length] ?? playlist
        for (const place of places) {
          for (const name of ['hdnts', 'hdntl']) {
            const { target, headers } = carrying(path, [{ place, name, token: spelled }])
            await send(stage, target, { headers })
          }
        }
        for (const target of [
          ...[
            `${path}?x=${spelled}`,
            `/vod/film/${spelled}`,
            `/vod/film/x=${spelled}/1.m4s`,
            `/vod/film/${spelled}/..`,
          ],
          ...[
            `http://h/?hdnts=${spelled}`,
            `${path}?hdnts=${spelled}&hdnts=y`,
            `${path}#${spelled}`,
            `/${spelled}`,
          ],
          ...[
            `/vod/film/HDNTL=${spelled}/1.m4s`,
            `/vod/film/hdnts=${spelled}/low/1.m4s`,
            `${path}?hdnts=${spelled} x`,
          ],
        ]) {
          await send(stage, target, {
            headers: [`Authorization: ${spelled}`, `Referer: http://h/?hdnts=${spelled}`],
          })
        }
        const body = JSON.stringify({
          accessToken: spelled,
          path,
          sessionToken: spelled,
          [spelled]: 1,
        })
        const json = [
          'Content-Type: application/json',
          `Content-Length: ${Buffer.byteLength(body)}`,
        ]
        await send(stage, '/_playgate/session', { method: 'POST', headers: json, body })
        const good = JSON.stringify({ accessToken: spelled, path })
        json[1] = `Content-Length: ${Buffer.byteLength(good)}`
        await send(stage, '/_playgate/session', { method: 'POST', headers: json, body: good })
      }
    }
    const log = stage.log.join('')
    const metrics = (await send(stage, '/_playgate/metrics')).text
    expect(stage.log.length).toBeGreaterThan(500)
    for (const token of tokens) {
      const mac = token.slice(-64)
      for (let at = 0; at + 16 <= mac.length; at += 1) {
        expect(log).not.toContain(mac.slice(at, at + 16))
        expect(metrics).not.toContain(mac.slice(at, at + 16))
      }
      expect(log).not.toContain(token)
    }
    expect(log).not.toContain(testKey)
    expect(metrics).not.toMatch(/hmac|127\.0\.0\.1|film\/|user-7/)
  })
})

describe('T82: no page URL travels on', () => {
  it.each([
    playlist,
    '/none',
    '/vod/..',
    '/_playgate/health',
    '/_playgate/none',
    '/_playgate/metrics',
  ])('%s says so', async (target) => {
    const stage = await startGate()
    expect((await send(stage, target)).header('referrer-policy')).toBe('no-referrer')
  })
})
