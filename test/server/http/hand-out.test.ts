import { describe, expect, it } from 'vitest'
import { parsePlaygateSession } from '../../../shared/playgate-session.ts'
import { multivariant, playlistType, sessionTokenOf, startGate } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'

describe('the carrier', () => {
  it('query writes the token into the URIs', async () => {
    const { ask, mint } = await startGate({ session: { carrier: ['query'] } })
    const answer = await ask(`${path}?hdnts=${mint()}`)
    expect(answer.text).toContain(`low/index.m3u8?hdntl=${sessionTokenOf(answer)}`)
    expect(answer.headers.get('set-cookie')).toBeNull()
  })

  it('path puts the token in front of the path, and relative URIs below it stay as they are', async () => {
    const { ask, mint } = await startGate({ session: { carrier: ['path'] } })
    const answer = await ask(`${path}?hdnts=${mint()}`)
    const token = sessionTokenOf(answer)
    expect(token).toContain('~acl=%2fvod%2ffilm%2f*~')
    expect(answer.text).toContain(`\n/hdntl=${token}/vod/film/low/index.m3u8\n`)

    const child = await ask(`/hdntl=${token}/vod/film/low/index.m3u8`)
    expect(child.status).toBe(200)
    expect(child.text).toContain('\n1.m4s\n')
    expect(child.text).toContain('URI="key.bin"')
    expect((await ask(`/hdntl=${token}/vod/film/low/1.m4s`)).status).toBe(200)
  })

  it('cookie leaves playlists alone and sets a narrow cookie', async () => {
    const { ask, mint } = await startGate({ session: { carrier: ['cookie'] } })
    const answer = await ask(`${path}?hdnts=${mint()}`)
    const token = sessionTokenOf(answer)
    expect(answer.text).toBe(multivariant)
    expect(answer.headers.get('set-cookie')).toBe(
      `hdntl=${token}; Max-Age=312; Path=/vod/film/; HttpOnly; Secure; SameSite=Lax`,
    )
    const played = await ask('/vod/film/low/1.m4s', { headers: { Cookie: `a=b; hdntl=${token}` } })
    expect(played.status).toBe(200)
  })

  it('cookie for the whole host bears the prefix that keeps others from overwriting it', async () => {
    const { ask, mint } = await startGate({ session: { carrier: ['cookie'] } })
    const answer = await ask(`${path}?hdnts=${mint({ path: '/*' })}`)
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-hdntl=.*; Path=\/; HttpOnly; Secure/)
    const headers = { Cookie: `__Host-hdntl=${sessionTokenOf(answer)}` }
    expect((await ask('/vod/film/low/1.m4s', { headers })).status).toBe(200)
  })

  it.each(['player', 'header'] as const)(
    '%s leaves playlists alone and says it in a header',
    async (carrier) => {
      const { ask, mint } = await startGate({ session: { carrier: [carrier] } })
      const answer = await ask(`${path}?hdnts=${mint()}`)
      expect(answer.text).toBe(multivariant)
      expect(answer.headers.get('set-cookie')).toBeNull()
      const session = parsePlaygateSession(answer.headers.get('playgate-session') ?? '')
      expect(session).toMatchObject({ parameter: 'hdntl', expiresInSeconds: 312 })
      const headers = { hdntl: session?.token ?? '' }
      const child = await ask('/vod/film/low/index.m3u8', { headers })
      expect([child.status, child.text.includes('hdntl')]).toEqual([200, false])
    },
  )

  it('player leaves playlists alone when the plugin puts the token into the query', async () => {
    const { ask, mint } = await startGate({ session: { carrier: ['player'] } })
    const token = sessionTokenOf(await ask(`${path}?hdnts=${mint()}`))
    const child = await ask(`/vod/film/low/index.m3u8?hdntl=${token}`)
    expect([child.status, child.text.includes('hdntl')]).toEqual([200, false])
  })

  it.each([
    ['a page of another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['plain HTTP from elsewhere', { Host: 'video.example.com' }],
  ])('that comes next is taken when a cookie would not reach %s', async (_who, headers) => {
    const { ask, mint } = await startGate({ session: { carrier: ['cookie', 'query'] } })
    const [near, far] = [
      await ask(`${path}?hdnts=${mint()}`),
      await ask(`${path}?hdnts=${mint()}`, { headers: headers as Record<string, string> }),
    ]
    expect(near.headers.get('set-cookie')).not.toBeNull()
    if ('Host' in headers) return // fetch does not let a test choose the Host; read-request.test.ts does.
    expect(far.headers.get('set-cookie')).toBeNull()
    expect(far.text).toContain('?hdntl=')
  })
})

describe('caches', () => {
  it('are kept from every answer that holds a token, and shared ones from all others', async () => {
    const stage = await startGate({
      session: { carrier: ['player'] },
      routes: {
        '/film/low/1.m4s': (_request, response) => {
          response.setHeader('Cache-Control', 'public, max-age=3600, s-maxage=9999')
          response.setHeader('Set-Cookie', 'origin=1')
          response.writeHead(200, { 'Content-Type': 'video/iso.segment' }).end('x')
        },
      },
    })
    const opened = await stage.ask(`${path}?hdnts=${stage.mint()}`)
    expect(opened.headers.get('cache-control')).toBe('private, no-store')
    const headers = { hdntl: sessionTokenOf(opened) }
    const segment = await stage.ask('/vod/film/low/1.m4s', { headers })
    expect(segment.headers.get('cache-control')).toBe('private, max-age=3600')
    expect(segment.headers.get('set-cookie')).toBeNull()
    const playlist = await stage.ask('/vod/film/low/index.m3u8', { headers })
    expect(playlist.headers.get('cache-control')).toBe('private, no-cache')
    expect(playlist.headers.get('content-type')).toBe(playlistType)
  })

  it('hold the origin’s bytes once, and each viewer gets a token of their own', async () => {
    const stage = await startGate()
    const one = await stage.ask(`${path}?hdnts=${stage.mint()}`)
    const other = await stage.ask(`${path}?hdnts=${stage.mint()}`)
    expect(
      stage.origin.requests.filter(({ path: asked }) => asked === '/film/index.m3u8'),
    ).toHaveLength(1)
    expect(sessionTokenOf(one)).not.toBe(sessionTokenOf(other))
    expect(other.text).not.toContain(sessionTokenOf(one))
  })
})
