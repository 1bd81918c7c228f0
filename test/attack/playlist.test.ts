import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reply } from '../stage/fake-origin.ts'
import { body, media, playlistType, startGate } from '../stage/start-gate.ts'
import { expectService, openSession, playlist, send, sign, tokenOf } from './refusal.ts'

const child = '/vod/film/low/index.m3u8'

async function rewritten(
  text: string,
  session: object = {},
): Promise<{ text: string; token: string }> {
  const stage = await startGate({ session, routes: { '/film/low/index.m3u8': body(text) } })
  const token = await openSession(stage)
  const answer = await send(stage, `${child}?hdntl=${token}`, { headers: ['Host: video.example'] })
  expect(answer.status).toBe(200)
  return { text: answer.text, token }
}

describe('T66: a URI of a foreign host in a playlist', () => {
  const foreign = [
    ...['https://evil.example/1.ts', '//evil.example/1.ts', 'http://video.example.evil/1.ts'],
    ...['http://evil.example\\@video.example/1.ts', 'http://video.example@evil.example/1.ts'],
    ...[
      'http://video.example:8080/1.ts',
      'https://video.example/1.ts',
      'http://xvideo.example/1.ts',
    ],
    ...[
      '\\\\evil.example\\1.ts',
      '/\\evil.example/1.ts',
      'http:\\\\evil.example/1.ts',
      'ftp://video.example/1.ts',
    ],
    ...[
      'data:text/plain,1',
      'blob:http://video.example/1',
      'javascript:alert(1)',
      'skd://key',
      'urn:x:y',
    ],
    ...['http://user:pw@video.example/1.ts', 'http://127.0.0.1/1.ts', 'http://[::1]/1.ts'],
    ...['{$host}/1.ts', 'http://{$h}/1.ts', '//{$h}/1.ts', 'http://video.example{$h}/1.ts'],
  ]
  it.each(foreign)('%s gets no token, in any place', async (uri) => {
    const text = [
      ...['#EXTM3U', '#EXT-X-TARGETDURATION:4', `#EXT-X-KEY:METHOD=AES-128,URI="${uri}"`],
      ...[`#EXT-X-MAP:URI="${uri}"`, '#EXTINF:4,', uri, '#EXTINF:4,', 'own.ts', ''],
    ].join('\n')
    const { text: out, token } = await rewritten(text)
    expect(out).toBe(text.replace('own.ts', `own.ts?hdntl=${token}`))
  })

  it('gets one only where reach names its very origin', async () => {
    const text = ['#EXTM3U', ...foreign.slice(0, 8), 'https://cdn.example/1.ts', ''].join('\n')
    const { text: out, token } = await rewritten(text, { reach: ['https://cdn.example'] })
    expect(out.match(/hdntl=/g)).toHaveLength(1)
    expect(out).toContain(`https://cdn.example/1.ts?hdntl=${token}\n`)
  })

  it('T71: a variable of the query cannot name the host', async () => {
    const text = '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="h"\n#EXTINF:4,\nhttp://{$h}/1.ts\n'
    const stage = await startGate({ routes: { '/film/low/index.m3u8': body(text) } })
    const token = await openSession(stage)
    const answer = await send(stage, `${child}?h=evil.example&hdntl=${token}`)
    expect(answer.text).not.toContain('hdntl=')
  })

  it.each([0, 1, 2, 3])('T72: ends with exactly one token where %d stood before', async (count) => {
    const before = ['hdntl=evil', 'hdntl=exp=1~acl=/*~hmac=ab', '%68dntl=evil'].slice(0, count)
    const uri = `1.ts?${['a=%7E', ...before, 'b'].join('&')}`
    const { text, token } = await rewritten(`#EXTM3U\n#EXTINF:4,\n${uri}\n`)
    expect(text).toBe(`#EXTM3U\n#EXTINF:4,\n1.ts?a=%7E&b&hdntl=${token}\n`)
  })
})

describe('T68: nothing that a client sends adds a line or an attribute to a playlist', () => {
  const hostile = fc.constantFrom(
    ...[
      '%0A#EXT-X-KEY:METHOD=NONE',
      '%0d%0a',
      '"',
      '%22',
      '",URI="http://evil',
      '\\',
      '%5C',
      '{$x}',
      '%7B$hdntl}',
    ],
    ...[
      "'",
      '<',
      '>',
      '`',
      '|',
      '^',
      '%00',
      '&',
      '=',
      '?',
      '~',
      '!',
      '*',
      ',',
      '@',
      '#'.replace('#', '%23'),
    ],
  )
  const text = fc.array(hostile, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))

  it('not the query, the path, a header or a cookie', async () => {
    const stage = await startGate({ session: { saltHeaders: ['User-Agent'] } })
    const token = await openSession(stage)
    const count = (await send(stage, `${child}?hdntl=${token}`)).text.split('\n').length
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        const headers = [`Cookie: x=${one}`, `Referer: ${other}`, `X-Playback-Session-Id: ${one}`]
        const answer = await send(stage, `${child}?${one}&x=${other}&hdntl=${token}`, { headers })
        if (answer.status !== 200) return
        expect(answer.text.split('\n')).toHaveLength(count)
        expect(answer.text.replaceAll(`?hdntl=${token}`, '')).toBe(media)
      }),
      { numRuns: 150 },
    )
  })

  it('not the claims of a token, whoever signed them', async () => {
    for (const session of [{}, { carrier: ['path' as const] }, null]) {
      const stage = await startGate({ session })
      const end = stage.clock.nowSeconds() + 60
      await fc.assert(
        fc.asyncProperty(text, fc.constantFrom('id', 'data'), async (value, field) => {
          const claim = decodeURIComponent(value.replace(/%(?![0-9A-F]{2})/gi, '%25')).replaceAll(
            '~',
            '',
          )
          if (claim === '') return
          for (const spelled of [claim, value.replaceAll('~', '')]) {
            const signed = sign(`exp=${end}~acl=/vod/film/*~${field}=${spelled}`)
            const answer = await send(stage, `${child}?hdnts=${encodeURIComponent(signed)}`)
            expect([200, 403]).toContain(answer.status)
            if (answer.status === 403) continue
            const token = session === null ? signed : tokenOf(answer)
            const places = [`?hdnts=${token}`, `?hdntl=${token}`, `/hdntl=${token}/vod/film/low/`]
            expect(places.reduce((all, place) => all.replaceAll(place, ''), answer.text)).toBe(
              media,
            )
          }
        }),
        { numRuns: 80 },
      )
    }
  })
})

describe('T69 and T74: what is no playlist', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['an error page', '<!doctype html><h1>evil</h1>', playlistType],
    ['an error page that says so', '<h1>evil</h1>', 'text/html'],
    ['a segment', new Uint8Array([0x47, 0x40, 0, 0x10]), playlistType],
    ['nothing', '', playlistType],
    ['JSON', '{"evil":1}', 'application/json'],
    ['a playlist behind markup', '<!-- -->\n#EXTM3U\n', playlistType],
    ['UTF-16', Buffer.from('\ufeff#EXTM3U\n', 'utf16le'), playlistType],
    ['a NUL in front', '\0#EXTM3U\n', playlistType],
    ['the tag in another case', '#extm3u\n', playlistType],
  ])('%s is 502 and not relayed', async (_what, text, type) => {
    const stage = await startGate({
      routes: { '/film/low/index.m3u8': reply(200, { 'Content-Type': type }, text) },
    })
    const answer = await send(stage, `${child}?hdntl=${await openSession(stage)}`)
    expect([answer.status, JSON.parse(answer.text).reason]).toEqual([502, 'origin-unavailable'])
    expect(answer.text).not.toContain('evil')
    await expectService(stage)
  })

  it.each(['{', '[]', 'null', '"x"', '{"a":', '\u0000', `${'['.repeat(20_000)}`])(
    'JSON that is none is handed on or refused, never a failure of ours: %j',
    async (text) => {
      const stage = await startGate({
        routes: { '/film/x.json': body(text.slice(0, 20_000), 'application/json') },
      })
      const answer = await send(stage, `/vod/film/x.json?hdntl=${await openSession(stage)}`)
      expect([200, 502]).toContain(answer.status)
      await expectService(stage)
    },
  )
})

describe('T73: a bomb', () => {
  const lines = Buffer.alloc(64 * 1024 * 1024, '\n')
  lines.write('#EXTM3U')
  const encoded = (bytes: Uint8Array, encoding: string) =>
    reply(200, { 'Content-Type': playlistType, 'Content-Encoding': encoding }, bytes)

  it.each([
    ['of gzip', () => encoded(gzipSync(lines), 'gzip')],
    ['of brotli', () => encoded(brotliCompressSync(lines), 'br')],
    ['of gzip in gzip', () => encoded(gzipSync(gzipSync(lines)), 'gzip, gzip')],
    ['of many layers', () => encoded(gzipSync('#EXTM3U'), Array(20).fill('gzip').join(', '))],
    ['of plain text', () => reply(200, { 'Content-Type': playlistType }, lines)],
    [
      'of lines',
      () => reply(200, { 'Content-Type': playlistType }, `#EXTM3U\n${'\n'.repeat(300_000)}`),
    ],
    ['of one encoding that is another', () => encoded(gzipSync('#EXTM3U\n'), 'br')],
  ])('%s is 502, and mints nothing', async (_what, handler) => {
    const stage = await startGate({ routes: { '/film/index.m3u8': handler() } })
    const before = process.memoryUsage().rss
    const answer = await send(stage, `${playlist}?hdnts=${stage.mint()}`)
    expect([answer.status, JSON.parse(answer.text).reason]).toEqual([502, 'origin-unavailable'])
    expect(answer.header('playgate-session')).toBeNull()
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024)
    stage.origin.route('/film/index.m3u8', body(media))
    await expectService(stage)
  })
})
