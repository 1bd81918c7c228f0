import { describe, expect, it } from 'vitest'
import {
  body,
  media,
  multivariant,
  playlistType,
  sessionTokenOf,
  startGate,
} from '../../stage/start-gate.ts'

describe('a playback through the gate', () => {
  it('opens a session for an access token and writes its token on every URI', async () => {
    const { ask, mint } = await startGate()
    const answer = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`)
    const token = sessionTokenOf(answer)
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(
      multivariant.replace(/^(\w+\/index\.m3u8)$/gm, (uri) => `${uri}?hdntl=${token}`),
    )
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
    expect(token).toMatch(
      /^exp=\d+~acl=\/vod\/film\/\*~id=[0-9a-f]{40}~data=hdntl~hmac=[0-9a-f]{64}$/,
    )
  })

  it('hands the very token of the request on in media playlists, and serves what they name', async () => {
    const { ask, mint, origin } = await startGate()
    const token = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    const playlist = await ask(`/vod/film/low/index.m3u8?hdntl=${token}`)
    expect(playlist.text).toContain(`URI="key.bin?hdntl=${token}"`)
    expect(playlist.text).toContain(`URI="init.mp4?hdntl=${token}"`)
    expect(playlist.text).toContain(`\n1.m4s?hdntl=${token}\n`)
    expect(playlist.headers.get('playgate-session')).toBeNull()
    for (const name of ['1.m4s', 'init.mp4', 'key.bin']) {
      expect((await ask(`/vod/film/low/${name}?hdntl=${token}`)).status).toBe(200)
    }
    expect(origin.requests.filter(({ path }) => path.includes('hdn'))).toEqual([])
  })

  it('lives as long as the longest media playlist and the slack', async () => {
    const long = media.replace('#EXT-X-ENDLIST', '#EXTINF:30.5,\n4.m4s\n#EXT-X-ENDLIST')
    const { ask, mint } = await startGate({ routes: { '/film/high/index.m3u8': body(long) } })
    const answer = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`)
    // 12 s, and 42.5 s in the other; rounded up, plus 300 s.
    expect(answer.headers.get('playgate-session')).toContain('expires-in=343')
  })

  it('lives as long as it may when one media playlist is live', async () => {
    const live = media.replace('#EXT-X-ENDLIST\n', '').replace('#EXT-X-PLAYLIST-TYPE:VOD\n', '')
    const { ask, mint } = await startGate({ routes: { '/film/high/index.m3u8': body(live) } })
    const answer = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`)
    expect(answer.headers.get('playgate-session')).toContain('expires-in=86400')
  })

  it('never fetches a media playlist that stands on another host', async () => {
    const foreign = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://169.254.169.254/latest.m3u8\n'
    const { ask, mint, origin } = await startGate({ routes: { '/film/index.m3u8': body(foreign) } })
    const answer = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`)
    expect(answer.text).toBe(foreign)
    expect(origin.requests).toHaveLength(1)
  })

  it('refuses segments on an access token alone, without asking the origin', async () => {
    const { ask, mint, origin } = await startGate()
    const answer = await ask(`/vod/film/low/1.m4s?hdnts=${mint()}`)
    expect(answer.status).toBe(403)
    expect(answer.problem.reason).toBe('token-missing')
    expect(origin.requests).toEqual([])
  })

  it('opens nothing for HEAD, and does not tell the length of another body', async () => {
    const { ask, mint } = await startGate()
    const answer = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`, { method: 'HEAD' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('playgate-session')).toBeNull()
    expect(answer.headers.get('content-length')).toBeNull()
  })

  it('tells the length of the rewritten body for HEAD under a session', async () => {
    const { ask, mint } = await startGate()
    const token = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    const target = `/vod/film/low/index.m3u8?hdntl=${token}`
    const plain = { 'Accept-Encoding': 'identity' }
    const [head, get] = [
      await ask(target, { method: 'HEAD', headers: plain }),
      await ask(target, { headers: plain }),
    ]
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
    expect(Number(get.headers.get('content-length'))).toBe(get.text.length)
  })

  it('ignores Range for playlists and keeps it for segments', async () => {
    const { ask, mint } = await startGate({
      routes: {
        '/film/low/1.m4s': (request, response) => {
          expect(request.headers.range).toBe('bytes=0-3')
          response
            .writeHead(206, {
              'Content-Type': 'video/iso.segment',
              'Content-Range': 'bytes 0-3/11',
            })
            .end('segm')
        },
      },
    })
    const range = { headers: { Range: 'bytes=0-3' } }
    const opened = await ask(`/vod/film/index.m3u8?hdnts=${mint()}`, range)
    expect(opened.status).toBe(200)
    expect(opened.headers.get('accept-ranges')).toBe('none')
    const segment = await ask(`/vod/film/low/1.m4s?hdntl=${sessionTokenOf(opened)}`, range)
    expect([segment.status, segment.text]).toEqual([206, 'segm'])
  })

  it('passes a redirect inside the origin on, with the token of the request', async () => {
    const { ask, mint } = await startGate({
      routes: {
        '/film/old.m3u8': (_request, response) => {
          response.writeHead(302, { Location: '/film/low/index.m3u8?v=2' }).end()
        },
      },
    })
    const token = mint()
    const answer = await ask(`/vod/film/old.m3u8?hdnts=${token}`)
    expect(answer.status).toBe(302)
    expect(answer.headers.get('location')).toBe(`/vod/film/low/index.m3u8?v=2&hdnts=${token}`)
  })

  it('writes the access token itself on the URIs when the rule has no sessions', async () => {
    const { ask, mint } = await startGate({ session: null })
    const token = mint()
    const playlist = await ask(`/vod/film/low/index.m3u8?hdnts=${token}`)
    expect(playlist.text).toContain(`\n1.m4s?hdnts=${token}\n`)
    expect((await ask(`/vod/film/low/1.m4s?hdnts=${token}`)).status).toBe(200)
  })

  it('rewrites steering manifests under a session', async () => {
    const steering =
      '{ "VERSION": 1, "TTL": 10, "RELOAD-URI": "steer.json", "PATHWAY-PRIORITY": ["A"] }'
    const { ask, mint } = await startGate({
      routes: { '/film/steer.json': body(steering, 'application/json') },
    })
    const token = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    const answer = await ask(`/vod/film/steer.json?hdntl=${token}&_HLS_pathway=A`)
    expect(answer.text).toBe(steering.replace('steer.json', `steer.json?hdntl=${token}`))
  })
})

describe('what viewers share', () => {
  it('is one fetch, whatever each of them reports of himself in CMCD', async () => {
    const { ask, mint, origin } = await startGate()
    const token = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    const before = origin.requests.length
    const targets = Array.from(
      { length: 20 },
      (_, index) => `/vod/film/low/index.m3u8?CMCD=sid%3D${index}&hdntl=${token}`,
    )
    const answers = await Promise.all(targets.map((target) => ask(target)))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(origin.requests.length - before).toBeLessThanOrEqual(1)
    expect(origin.requests.filter(({ path }) => path.includes('CMCD'))).toEqual([])
  })

  it('tells how old a playlist is', async () => {
    const { ask, mint } = await startGate({
      session: { carrier: ['player'] },
      routes: {
        '/film/low/index.m3u8': (_request, response) => {
          response
            .writeHead(200, {
              'Content-Type': playlistType,
              Age: '3',
              'Cache-Control': 'max-age=8',
            })
            .end(media)
        },
      },
    })
    const hdntl = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    const answer = await ask('/vod/film/low/index.m3u8', { headers: { hdntl } })
    expect(answer.headers.get('age')).toBe('3')
  })

  it('stays as the origin gave it under an open rule', async () => {
    const { ask } = await startGate({
      rule: { open: true, access: undefined, session: undefined } as never,
      routes: {
        '/film/index.m3u8': (_request, response) => {
          response
            .writeHead(200, { 'Content-Type': playlistType, 'Cache-Control': 'public, max-age=2' })
            .end(media)
        },
      },
    })
    expect((await ask('/vod/film/index.m3u8')).headers.get('cache-control')).toBe(
      'public, max-age=2',
    )
  })
})

it('an answer that is refused at the last moment does not hold its connection to the origin', async () => {
  const { ask, gate, mint, origin } = await startGate({
    session: null,
    routes: {
      '/film/low/1.m4s': (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': '100000000' })
        response.write('x'.repeat(1_000))
      },
    },
  })
  const answer = await ask(`/vod/film/low/1.m4s?hdnts=${mint({ payload: "it's" })}`)
  expect([answer.status, answer.problem.reason]).toEqual([403, 'token-refused'])
  expect(await origin.requests[0]?.over).toBe('aborted')
  await gate.close()
})

describe('modes and open rules', () => {
  it('lets through in mode log what it would refuse, and says so in the log', async () => {
    const { ask, log } = await startGate({ rule: { mode: 'log' } })
    expect((await ask('/vod/film/low/1.m4s')).status).toBe(200)
    expect(log.join('')).toContain('"wouldRefuse":"token-missing"')
  })

  it('says in mode log that an access token alone would not have opened a segment', async () => {
    const { ask, log, mint, origin } = await startGate({ rule: { mode: 'log' } })
    expect((await ask(`/vod/film/low/1.m4s?a=b&hdnts=${mint()}`)).status).toBe(200)
    expect(log.join('')).toContain('"wouldRefuse":"token-missing"')
    expect(origin.requests.map(({ path }) => path)).toEqual(['/film/low/1.m4s?a=b'])
    const { text } = await ask('/_playgate/metrics')
    expect(text).toContain('outcome="let-through",reason="token-missing"} 1')
  })

  it.each([{ open: true, access: undefined, session: undefined }, { mode: 'off' as const }])(
    'asks for nothing with %j',
    async (rule) => {
      const { ask } = await startGate({ rule: rule as never })
      const answer = await ask('/vod/film/low/index.m3u8')
      expect([answer.status, answer.text]).toEqual([200, media])
    },
  )

  it('answers 404 where no rule matches, and for what the origin does not have', async () => {
    const { ask, mint } = await startGate()
    const token = sessionTokenOf(await ask(`/vod/film/index.m3u8?hdnts=${mint()}`))
    expect((await ask('/elsewhere')).status).toBe(404)
    const missing = await ask(`/vod/film/none.m4s?hdntl=${token}`)
    expect([missing.status, missing.problem.status]).toEqual([404, 404])
  })

  it('redirects refusals where the rule says so', async () => {
    const { ask } = await startGate({
      rule: { denial: { status: 302, location: 'https://www.example.com/login' } },
    })
    const answer = await ask('/vod/film/index.m3u8')
    expect([answer.status, answer.headers.get('location')]).toEqual([
      302,
      'https://www.example.com/login',
    ])
  })

  it('answers with the status that the rule has for the reason', async () => {
    const { ask } = await startGate({ rule: { denial: { byReason: { 'token-missing': 401 } } } })
    expect((await ask('/vod/film/index.m3u8')).status).toBe(401)
  })

  it('names the scheme beside a 401, and beside nothing else (RFC 9110 section 15.5.2)', async () => {
    const { ask } = await startGate({ rule: { denial: { byReason: { 'token-missing': 401 } } } })
    const challenge = async (target: string) => (await ask(target)).headers.get('www-authenticate')
    expect(await challenge('/vod/film/index.m3u8')).toBe('Bearer')
    expect(await challenge('/vod/film/index.m3u8?hdnts=x')).toBeNull()
  })
})
