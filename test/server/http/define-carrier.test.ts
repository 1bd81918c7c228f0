import { describe, expect, it } from 'vitest'
import { send } from '../../attack/refusal.ts'
import {
  body,
  media,
  multivariant,
  type StagedGate,
  type StageOptions,
  startGate,
  testKey,
} from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'
const child = '/vod/film/low/index.m3u8'
const definition = '#EXT-X-DEFINE:QUERYPARAM="hdntl"'
const reference = '?hdntl={$hdntl}'
const withDefine = (more: object = {}): StageOptions => ({
  session: { carrier: ['define', 'query'], ...more },
})

async function open(stage: StagedGate, body: object = {}, headers = {}) {
  const answer = await stage.ask('/_playgate/session', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ accessToken: stage.mint(), path, carrier: 'define', ...body }),
  })
  expect(answer.status).toBe(200)
  const { token, carrier, sessionId } = JSON.parse(answer.text)
  return { token, carrier, sessionId, answer } as Record<
    'token' | 'carrier' | 'sessionId',
    string
  > & {
    answer: typeof answer
  }
}

describe('the carrier that POST /_playgate/session chooses', () => {
  it.each([
    [['define', 'query'], 'define', 'define'],
    [['query', 'define'], 'define', 'define'],
    [['define', 'query'], undefined, 'query'],
    [['define', 'player'], undefined, 'player'],
    [['path', 'define'], undefined, 'path'],
    [['query'], 'define', 'query'],
    [['cookie', 'query'], 'define', 'cookie'],
  ] as const)('of %j for a player that says %s is %s', async (carriers, said, chosen) => {
    const stage = await startGate({ session: { carrier: [...carriers] } })
    const { carrier, token, answer } = await open(stage, { carrier: said })
    expect(carrier).toBe(chosen)
    expect(token.includes('c=define')).toBe(chosen === 'define')
    expect(answer.headers.get('set-cookie') !== null).toBe(chosen === 'cookie')
  })

  it('is another one where the token would not survive being filled in', async () => {
    const stage = await startGate({ session: { carrier: ['define', 'path'] } })
    const plain = await open(stage)
    // In a path slashes are escaped; in a variable they must not be.
    expect([plain.carrier, plain.token.includes('%')]).toEqual(['define', false])
    const { carrier, token } = await open(stage, { accessToken: stage.mint({ subject: '%c3%bc' }) })
    expect([carrier, token.includes('c=define')]).toEqual(['path', false])
  })

  it.each(['query', 'yes', '', null])('cannot be asked for as %j', async (carrier) => {
    const stage = await startGate(withDefine())
    const answer = await stage.ask('/_playgate/session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ accessToken: stage.mint(), path, carrier }),
    })
    expect([answer.status, answer.problem.reason]).toEqual([400, 'bad-request'])
  })

  it('stays through renewals', async () => {
    const stage = await startGate(withDefine())
    const first = await open(stage)
    stage.clock.advance(10_000)
    const next = await open(stage, { carrier: undefined, sessionToken: first.token })
    expect([next.sessionId, next.carrier]).toEqual([first.sessionId, 'define'])
    expect(next.token).not.toBe(first.token)
  })
})

describe('playlists under such a session', () => {
  it('are the same bytes for every viewer, without a token in them', async () => {
    const stage = await startGate(withDefine())
    const one = await open(stage)
    const other = await open(stage, { accessToken: stage.mint({ subject: 'u8' }) })
    for (const playlist of [path, child]) {
      const [mine, theirs] = [
        await stage.ask(`${playlist}?hdntl=${one.token}`),
        await stage.ask(`${playlist}?hdntl=${other.token}`),
      ]
      expect([mine.status, theirs.status]).toEqual([200, 200])
      expect(mine.text).toBe(theirs.text)
      expect(mine.text).toContain(definition)
      expect(mine.text).not.toContain('exp=')
      expect(mine.headers.get('cache-control')).toBe('private, no-cache')
    }
    const { text } = await stage.ask(`${child}?hdntl=${one.token}`)
    expect(text).toContain('#EXT-X-VERSION:11')
    expect(text).toContain(`URI="init.mp4${reference}"`)
    expect(text).toContain(`URI="key.bin${reference}"`)
    expect(text).toContain(`\n1.m4s${reference}\n`)
    expect((await stage.ask(`/vod/film/low/1.m4s?hdntl=${one.token}`)).status).toBe(200)
  })

  it('are as fresh in the viewer’s own cache as the origin says', async () => {
    const stage = await startGate({
      ...withDefine(),
      routes: {
        '/film/low/index.m3u8': (_request, response) => {
          response.writeHead(200, {
            'Content-Type': 'application/vnd.apple.mpegurl',
            'Cache-Control': 'public, max-age=7',
          })
          response.end(media)
        },
      },
    })
    const { token } = await open(stage)
    const answer = await stage.ask(`${child}?hdntl=${token}`)
    expect(answer.headers.get('cache-control')).toBe('private, max-age=7')
  })

  it('are for the query alone: other places hand the token on in their own way', async () => {
    const stage = await startGate(withDefine({ carrier: ['define', 'query', 'path'] }))
    const { token } = await open(stage)
    const inHeader = await stage.ask(path, { headers: { hdntl: token } })
    expect(inHeader.text).toBe(multivariant)
    const inPath = await send(stage, `/hdntl=${token.replaceAll('/', '%2f')}${child}`)
    expect([inPath.status, inPath.text]).toEqual([200, media])
  })

  it('are rewritten for each session again when the rule has the carrier no longer', async () => {
    const stage = await startGate(withDefine())
    const { token } = await open(stage)
    expect((await stage.ask(`${child}?hdntl=${token}`)).text).toContain(definition)
    stage.gate.reload({
      keys: { vod: { primary: testKey } },
      rules: [
        {
          name: 'film',
          match: { paths: ['/vod/*'] },
          stripPrefix: '/vod',
          origin: stage.origin.url,
          access: { format: 'edgeauth', key: 'vod' },
          session: {},
        },
      ],
    })
    const { text } = await stage.ask(`${child}?hdntl=${token}`)
    expect(text).toContain(`\n1.m4s?hdntl=${token}\n`)
  })

  it('never come to an access token, whose URL has no parameter to fill in from', async () => {
    const stage = await startGate(withDefine())
    const { text } = await stage.ask(`${path}?hdnts=${stage.mint()}`)
    expect(text).not.toContain('EXT-X-DEFINE')
    expect(text).toContain('low/index.m3u8?hdntl=exp=')
  })

  it('come to no session whose access token has a payload like ours', async () => {
    const stage = await startGate(withDefine())
    const accessToken = stage.mint({ payload: 'x,c=define' })
    const { token, carrier } = await open(stage, { accessToken, carrier: undefined })
    expect(carrier).toBe('query')
    expect((await stage.ask(`${child}?hdntl=${token}`)).text).not.toContain('EXT-X-DEFINE')
  })

  it('lead a redirected player on with the parameter that it is to fill in', async () => {
    const stage = await startGate({
      ...withDefine(),
      routes: {
        '/film/moved.m3u8': (_request, response) => {
          response.writeHead(302, { Location: 'index.m3u8?a=b' }).end()
        },
      },
    })
    const { token } = await open(stage)
    const { headers, status } = await stage.ask(`/vod/film/moved.m3u8?hdntl=${token}`)
    expect(status).toBe(302)
    expect(headers.get('location')).toBe(`/vod/film/index.m3u8?a=b&hdntl=${token}`)
  })

  it('answer HEAD with the headers of the same body', async () => {
    const stage = await startGate(withDefine())
    const { token } = await open(stage)
    const [got, asked] = [
      await stage.ask(`${child}?hdntl=${token}`, { headers: { 'Accept-Encoding': 'identity' } }),
      await stage.ask(`${child}?hdntl=${token}`, {
        method: 'HEAD',
        headers: { 'Accept-Encoding': 'identity' },
      }),
    ]
    expect(asked.headers.get('content-length')).toBe(String(got.text.length))
    expect(asked.text).toBe('')
  })
})

describe('what cannot take the definition', () => {
  it('a playlist with a variable of that name has a copy for each session, and the log says so once', async () => {
    const taken = media.replace('#EXTM3U\n', '#EXTM3U\n#EXT-X-DEFINE:NAME="hdntl",VALUE="x"\n')
    let version = 0
    const stage = await startGate({
      ...withDefine(),
      routes: {
        '/film/low/index.m3u8': (_request, response) => {
          version += 1
          const type = { 'Content-Type': 'application/vnd.apple.mpegurl' }
          response.writeHead(200, type).end(`${taken}# ${version}\n`)
        },
      },
    })
    const { token } = await open(stage)
    for (let turn = 0; turn < 3; turn++) {
      stage.clock.advance(60_000)
      const answer = await stage.ask(`${child}?hdntl=${token}`)
      expect(answer.text).toContain(`\n1.m4s?hdntl=${token}\n`)
      expect(answer.headers.get('cache-control')).toBe('private, no-store')
    }
    expect(version).toBeGreaterThan(2)
    const lines = stage.log.filter((line) => line.includes('"event":"define"'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('variable of the same name')
    expect(lines[0]).not.toContain('exp=')
  })

  it('JSON documents know no variables, and get the token', async () => {
    const stage = await startGate({
      ...withDefine(),
      routes: {
        '/film/steer.json': body('{"VERSION":1,"RELOAD-URI":"s.json"}', 'application/json'),
      },
    })
    const { token } = await open(stage)
    const { text, headers } = await stage.ask(`/vod/film/steer.json?hdntl=${token}`)
    expect(text).toBe(`{"VERSION":1,"RELOAD-URI":"s.json?hdntl=${token}"}`)
    expect(headers.get('cache-control')).toBe('private, no-store')
  })
})

describe('a player that does not fill variables in', () => {
  it.each([
    ['query', `${child}?hdntl={$hdntl}`],
    ['query, escaped by the player', `${child}?hdntl=%7B$hdntl%7D`],
    ['query of a segment', '/vod/film/low/1.m4s?hdntl={$hdntl}'],
    ['path', `/hdntl={$hdntl}${child}`],
    ['path, escaped by the player', `/hdntl=%7B$hdntl%7D${child}`],
    ['query under the name of an access token', `${path}?hdnts={$hdnts}`],
  ])('is refused by name: %s', async (_where, target) => {
    const stage = await startGate(withDefine())
    const reply = await send(stage, target)
    expect(reply.status).toBe(403)
    expect(reply.header('cache-control')).toBe('no-store')
    expect(JSON.parse(reply.text)).toMatchObject({ reason: 'token-refused' })
    expect(stage.origin.requests).toEqual([])
    const line = stage.log.find((text) => text.includes('"outcome":"refused"')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      reason: 'token-refused',
      detail: expect.stringContaining('does not fill in EXT-X-DEFINE:QUERYPARAM'),
    })
  })
})
