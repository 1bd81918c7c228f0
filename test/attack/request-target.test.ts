import { posix } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { body, media, type StagedGate, startGate } from '../stage/start-gate.ts'
import { expectRefused, expectService, openSession, playlist, send, sign } from './refusal.ts'

const bad = { status: 400, reason: 'bad-request' }

/** Asks with a session, in the query and in front of the path: a target is refused however much is permitted. */
async function refusedWithAnyToken(stage: StagedGate, target: string): Promise<void> {
  const session = await openSession(stage)
  const inFront = `/hdntl=${session.replaceAll('/', '%2f')}`
  const queried = target.includes('?') ? `&hdntl=${session}` : `?hdntl=${session}`
  const all = [target, target + queried, `${target}${queried.replace('hdntl', 'hdnts')}`]
  for (const asked of target.startsWith('/') ? [...all, inFront + target] : all) {
    await expectRefused(stage, () => send(stage, asked), bad)
  }
}

describe('a target that two readers could understand differently is refused with any token', () => {
  it.each([
    ...['/vod/film/../other/index.m3u8', '/vod/film/./index.m3u8', '/vod/film/..', '/vod/film/.'],
    ...['/../vod/film/index.m3u8', '/./vod/film/index.m3u8', '/vod/film/x/../../../etc/passwd'],
    ...['/vod/film/%2e%2e/other/index.m3u8', '/vod/film/%2E%2E/x', '/vod/film/.%2e/x'],
    ...[
      '/vod/film/%2e/index.m3u8',
      '/vod/film/..;/other/index.m3u8',
      '/vod/film/..;x=1/index.m3u8',
    ],
    ...['/vod/film/%2e%2e;/x', '/vod/film/.;/x'],
  ])('T39: dot segments in %s', async (target) => {
    const stage = await startGate()
    await refusedWithAnyToken(stage, target)
    await expectService(stage)
  })

  it.each([
    ...['/vod/film/..%2fother/index.m3u8', '/vod%2ffilm/index.m3u8', '/vod%2Ffilm/index.m3u8'],
    ...['/vod/film%5cindex.m3u8', '/vod/film%5Cindex.m3u8', '/vod/film\\index.m3u8'],
    ...['/vod/film/..\\other\\index.m3u8', '/vod/film/..%5c..%5cx', '\\vod\\film\\index.m3u8'],
  ])('T40: separators in disguise in %s', async (target) => {
    await refusedWithAnyToken(await startGate(), target)
  })

  it.each([
    ...[
      '/vod/film/%252e%252e/other/index.m3u8',
      '/vod/film/..%252fother',
      '/vod/film/%25',
      '/vod/%2525',
    ],
    ...['/vod/film/%25%32%65%25%32%65/x', '/vod/film/%255c..%255c', '/vod/film/index%252em3u8'],
  ])('T41: a second decoding in %s', async (target) => {
    await refusedWithAnyToken(await startGate(), target)
  })

  it.each([
    ...[
      '//vod/film/index.m3u8',
      '/vod//film/index.m3u8',
      '/vod/film//index.m3u8',
      '/vod/film/index.m3u8//',
    ],
    ...[
      '/vod/film;x=1/index.m3u8',
      '/vod/film/index.m3u8;.css',
      '/vod/film/index.m3u8;a',
      '/vod/film/;/x',
    ],
    ...['/vod/film/index.m3u8%3b.css', '/vod/film/index.m3u8%3B', '///evil.example/%2e%2e'],
  ])('T42 and T76: empty segments and path parameters in %s', async (target) => {
    await refusedWithAnyToken(await startGate(), target)
  })

  it.each([
    ...[
      '/vod/film/index.m3u8%00',
      '/vod/film/index.m3u8%00.css',
      '/vod/film/%0d%0aX:%201',
      '/vod/film/%7f',
    ],
    ...[
      '/vod/film/%1findex.m3u8',
      '/vod/film/%09',
      '/vod/film/%c0%ae%c0%ae/x',
      '/vod/film/%c0%af/x',
    ],
    ...[
      '/vod/film/%e0%80%af',
      '/vod/film/%ed%a0%80',
      '/vod/film/%f4%90%80%80',
      '/vod/film/%ff',
      '/vod/film/%80',
    ],
    ...[
      '/vod/film/%c2%85',
      '/vod/film/%c2',
      '/vod/film/%',
      '/vod/film/%a',
      '/vod/film/%zz',
      '/vod/film/%u002e',
    ],
    ...[
      '/vod/film/%69ndex.m3u8',
      '/%76od/film/index.m3u8',
      '/vod/film/index%2Em3u8',
      '/vod/%7Efilm/x',
    ],
  ])('T44: what is not plain text in %s', async (target) => {
    await refusedWithAnyToken(await startGate(), target)
  })

  it.each([
    ...['http://127.0.0.1/vod/film/index.m3u8', 'https://evil.example/vod/film/index.m3u8'],
    ...[
      'HTTP://evil.example/',
      'vod/film/index.m3u8',
      '*',
      '127.0.0.1:80',
      'ftp://x/y',
      '?hdnts=x',
    ],
    ...[
      '/vod/film/index.m3u8#x',
      '/vod/film/index.m3u8#/../',
      '/vod/film/index.m3u8?a#b',
      'evil.example:443',
    ],
  ])('T45: another form than the origin form in %s', async (target) => {
    const stage = await startGate()
    await expectRefused(stage, () => send(stage, target), bad)
    await expectService(stage)
  })

  it.each([
    ...['/vod/film/a b', '/vod/film/a\tb', '/vod/film/\x00', '/vod/é'],
    ...['/vod/film/\x7f', '/vod/film/\xff', '/vod/film/?a=\x01', '/vod/film/?a=\x80'],
  ])('T45: raw bytes that no target has in %j', async (target) => {
    const stage = await startGate()
    await expectRefused(stage, () => send(stage, target), bad)
    await expectService(stage)
  })

  it.each([
    ...[
      '/VOD/film/index.m3u8',
      '/vod/film/INDEX.m3u8',
      '/vod/Film/index.m3u8',
      '/Vod/film/low/1.m4s',
    ],
    ...['/vod/film/index.m3u8/', '/vod/film/index.M3U8', '/vod/film/low/1.M4S'],
  ])('T43: another case or a trailing slash is another path: %s', async (path) => {
    const stage = await startGate()
    const session = await openSession(stage)
    const { status, text } = await send(stage, `${path}?hdntl=${session}`)
    expect([403, 404]).toContain(status)
    expect(text).not.toContain('EXTM3U')
  })

  it('T43: a rule that ignores case still asks its token’s ACL with case', async () => {
    const match = { paths: ['/vod/*'], ignoreCase: true }
    const stage = await startGate({ rule: { match } })
    const session = await openSession(stage)
    await expectRefused(stage, () => send(stage, `/VOD/film/low/1.m4s?hdntl=${session}`))
    await expectRefused(stage, () => send(stage, '/VOD/film/low/1.m4s'), {
      reason: 'token-missing',
    })
    const wide = await openSession(stage, { path: '/???/film/*' })
    expect((await send(stage, `/VOD/film/low/1.m4s?hdntl=${wide}`)).status).toBe(200)
    expect(stage.origin.requests.at(-1)?.path).toBe('/film/low/1.m4s')
  })

  it('a semicolon is taken only by the rule that says its origin reads it literally', async () => {
    const other = await startGate()
    const access = { format: 'edgeauth' as const, key: 'vod' }
    const rule = (name: string, literalSemicolons: boolean) => ({
      ...{ name, literalSemicolons, access, session: {} },
      ...{ match: { paths: [`/${name}/*`] }, stripPrefix: `/${name}`, origin: other.origin.url },
    })
    const rules = [rule('vod', false), rule('literal', true)]
    const stage = await startGate({ configuration: { rules } })
    other.origin.route('/film;v=1/index.m3u8', body(media))
    const token = sign(`exp=${stage.clock.nowSeconds() + 60}~acl=/*`)
    const at = (name: string) => `/${name}/film;v=1/index.m3u8`
    expect((await send(stage, `${at('literal')}?hdnts=${token}`)).status).toBe(200)
    await expectRefused(other, () => send(stage, `${at('vod')}?hdnts=${token}`), bad)
    const body_ = JSON.stringify({ accessToken: token, path: at('vod') })
    const headers = ['Content-Type: application/json', `Content-Length: ${body_.length}`]
    await expectRefused(
      other,
      () => send(stage, '/_playgate/session', { method: 'POST', headers, body: body_ }),
      bad,
    )
  })
})

describe('a token in the path', () => {
  it.each([
    ['/hdntl=TOKEN/../vod/film/low/1.m4s', 400],
    ['/hdntl=TOKEN/..%2fvod/film/low/1.m4s', 400],
    ['/vod/film/hdntl=TOKEN/../low/1.m4s', 400],
    ['/hdntl=TOKEN//vod/film/low/1.m4s', 400],
    ['/hdntl=TOKEN/./vod/film/low/1.m4s', 400],
    ['//hdntl=TOKEN/vod/film/low/1.m4s', 400],
    ['/hdntl=TOKEN/hdntl=other/vod/film/low/1.m4s', 400],
    ['/%68dntl=TOKEN/vod/film/low/1.m4s', 400],
    ['/HDNTL=TOKEN/vod/film/low/1.m4s', 400],
    ['/hdntl=TOKEN/vod/film/low/1.m4s?hdntl=', 200],
    ['/hdntl=/vod/film/low/1.m4s?hdntl=TOKEN', 403],
    ['/hdntl=TOKENx/vod/film/low/1.m4s', 403],
    ['/hdntl=TOKEN/vod/other/index.m3u8', 403],
    ['/xhdntl=TOKEN/vod/film/low/1.m4s', 400],
    ['/hdntl=TOKEN', 404],
    ['/hdntl=TOKEN/', 404],
    ['/hdntl=TOKEN/_playgate/session', 404],
    ['/hdntl=acl=/vod/film/x~hmac=ab/vod/film/low/1.m4s', 403],
    ['/hdntl=exp=1~acl=/../..~hmac=ab/vod/film/low/1.m4s', 403],
  ])('%s is answered %i', async (pattern, status) => {
    const stage = await startGate({ session: { carrier: ['path'] } })
    const token = await openSession(stage)
    const asking = () => send(stage, pattern.replace('TOKEN', token))
    if (status === 200) expect((await asking()).status).toBe(200)
    else await expectRefused(stage, asking, { status })
  })
})

describe('T38: one path for the ACL, the rule and the origin', () => {
  const piece = fc.constantFrom(
    ...[
      'film',
      'low',
      '1.m4s',
      'other',
      '.',
      '..',
      '/',
      '/',
      '//',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '%c3%a9',
    ],
    ...[
      '%E2%82%AC',
      '%3f',
      '%23',
      '?',
      '#',
      ';',
      '\\',
      '%20',
      '+',
      '&',
      '=',
      ':',
      '@',
      'hdntl=',
      'hdntl=x',
    ],
    ...[
      '%00',
      '*',
      '!',
      '~',
      "'",
      '(',
      ')',
      '%',
      'é',
      '|',
      '"',
      '<',
      '%2A',
      '^',
      '`',
      '{$x}',
      '..%2f',
    ],
  )
  const targets = fc
    .array(piece, { minLength: 1, maxLength: 7 })
    .map((parts) => `/vod/film/${parts.join('')}`)

  it('holds for a fuzzed corpus: what the origin is asked for lies where the ACL says, in every reading', async () => {
    const stage = await startGate()
    const session = await openSession(stage)
    const before = stage.origin.requests.length
    await fc.assert(
      fc.asyncProperty(targets, async (target) => {
        const seen = stage.origin.requests.length
        const lines = stage.log.length
        const headers = [`hdntl: ${session}`]
        const { status } = await send(stage, target, { headers })
        expect([200, 400, 403, 404]).toContain(status)
        const asked = stage.origin.requests.slice(seen)
        if (status === 400 || status === 403) expect(asked).toEqual([])
        for (const { path } of asked) {
          const [pathOnly = ''] = path.split('?', 1)
          // The log has the path that was judged.
          const judged = stage.log.slice(lines).map((line) => JSON.parse(line).path)
          expect(judged).toContain(`/vod${pathOnly}`)
          for (const read of [pathOnly, decodeURIComponent(pathOnly)]) {
            expect(posix.normalize(read)).toBe(read)
            expect(read.startsWith('/film/')).toBe(true)
          }
          // Nor does a reader that builds a URL of it come to another path.
          const built = new URL(`http://h${pathOnly}`)
          expect(built.host).toBe('h')
          expect(decodeURIComponent(built.pathname)).toBe(decodeURIComponent(pathOnly))
        }
      }),
      { numRuns: 600 },
    )
    expect(stage.origin.requests.length).toBeGreaterThan(before + 20)
  })

  it('holds to the byte: an ACL of one literal path opens the request for that path and asks for it', async () => {
    const names = [
      'a',
      'a%20b',
      '%E2%82%AC',
      '%e2%82%ac',
      'a+b',
      "a'b",
      'a(1)',
      'a=b',
      'a,b',
      'a:b',
      'a@b',
      '$a',
    ]
    for (const name of names) {
      const path = `/vod/film/${name}.m3u8`
      const stage = await startGate()
      stage.origin.route(
        path.slice(4).replace(/%../g, (code) => code.toUpperCase()),
        body(media),
      )
      const token = sign(`exp=${stage.clock.nowSeconds() + 60}~acl=${path}`)
      expect([name, (await send(stage, `${path}?hdnts=${token}`)).status]).toEqual([name, 200])
      expect(stage.origin.requests[0]?.path.toUpperCase()).toBe(path.slice(4).toUpperCase())
    }
  })

  it('T56: the client names no host, port or scheme', async () => {
    const stage = await startGate()
    const decoy = await startGate()
    const session = await openSession(stage, { path: '/*' })
    const host = new URL(decoy.origin.url).host
    const targets_ = [
      ...[
        `/vod/http://${host}/film/index.m3u8`,
        `/vod//${host}/film/index.m3u8`,
        `/vod/@${host}/film/index.m3u8`,
      ],
      ...[
        `/vod/:${decoy.origin.port}/film/index.m3u8`,
        `/vod/film/index.m3u8@${host}`,
        `/vod@${host}/film/index.m3u8`,
      ],
      ...[
        `/vod:${decoy.origin.port}/x`,
        `/vod.evil.example/film/index.m3u8`,
        `/vod/film/index.m3u8?origin=http://${host}`,
      ],
      ...[`/vod/film/index.m3u8?url=//${host}/`],
    ]
    for (const target of targets_) {
      const mark = target.includes('?') ? '&' : '?'
      await send(stage, `${target}${mark}hdntl=${session}`, {
        headers: [`X-Forwarded-Host: ${host}`],
      })
    }
    expect(decoy.origin.requests).toEqual([])
    expect(decoy.origin.accepted).toBe(0)
    expect((await send(stage, `${playlist}?hdntl=${session}`)).status).toBe(200)
  })
})
