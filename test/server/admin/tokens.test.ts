import { describe, expect, it } from 'vitest'
import { askAdmin, playlist as filmPlaylist, startAdminGate, startPlayback } from './ask-admin.ts'

describe('POST /_playgate/admin/tokens', () => {
  it('mints an access token that opens what it says', async () => {
    const stage = await startAdminGate()
    const body = { path: '/vod/film/*', ttlSeconds: 60, subject: 'viewer-17', ip: '127.0.0.1' }
    const answer = await askAdmin(stage, 'POST', '/tokens', body)
    expect(answer.status).toBe(201)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const minted = JSON.parse(answer.text)
    expect(minted).toEqual({
      token: expect.stringMatching(
        /^ip=127\.0\.0\.1~exp=1767225660~acl=\/vod\/film\/\*~id=viewer-17~hmac=/,
      ),
      format: 'edgeauth',
      parameter: 'hdnts',
      rule: 'film',
      expiresAt: 1_767_225_660,
      id: null,
    })
    const opened = await stage.ask(`${filmPlaylist}?${minted.parameter}=${minted.token}`)
    expect(opened.status).toBe(200)
    const lines = stage.log.filter((line) => line.includes('"operation":"mintToken"'))
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        event: 'admin',
        subject: 'viewer-17',
        ttlSeconds: 60,
        outcome: 'done',
      }),
    ])
    expect(lines.join()).not.toMatch(/hmac|exp=/)
  })

  it('mints for all that a rule matches when no path is named', async () => {
    const stage = await startAdminGate()
    const answer = await askAdmin(stage, 'POST', '/tokens', { ttlSeconds: 60, rule: 'film' })
    expect(JSON.parse(answer.text).token).toContain('~acl=/vod/*~')
  })

  it.each([
    [{}, 'body ttlSeconds'],
    [{ ttlSeconds: 0 }, 'body ttlSeconds'],
    [{ ttlSeconds: 1.5 }, 'body ttlSeconds'],
    [{ ttlSeconds: 86_401 }, 'body ttlSeconds: more than maxLifetimeSeconds of film (86400)'],
    [{ ttlSeconds: 60, path: 'vod/*' }, 'body path: begins with neither'],
    [{ ttlSeconds: 60, path: '/elsewhere/*' }, 'body path: the token would open nothing'],
    [{ ttlSeconds: 60, path: [] }, 'body path'],
    [{ ttlSeconds: 60, rule: 'films' }, 'body rule: no rule of that name'],
    [{ ttlSeconds: 60, subject: 'a~b' }, 'body subject: must not hold ~'],
    [{ ttlSeconds: 60, subject: 'a b' }, 'body subject: holds characters'],
    [{ ttlSeconds: 60, ip: 'localhost' }, 'body ip: must be one IPv4 or IPv6 address'],
    [{ ttlSeconds: 60, payload: 'hdntl' }, 'body payload'],
    [{ ttlSeconds: 60, expiresAt: 1 }, 'an unknown member'],
  ])('says which member of %j is wrong', async (body, detail) => {
    const stage = await startAdminGate()
    const answer = await askAdmin(stage, 'POST', '/tokens', body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).detail).toContain(detail)
  })
})

describe('POST /_playgate/admin/explain', () => {
  it('says what a viewer would get, and changes nothing', async () => {
    const stage = await startAdminGate()
    const { token, sessionId } = await startPlayback(stage)
    const ask = async (headers: Record<string, string>) =>
      JSON.parse(
        (
          await askAdmin(stage, 'POST', '/explain', {
            url: `http://video.example.com/vod/film/low/1.m4s?hdntl=${token}`,
            headers,
          })
        ).text,
      )
    const before = stage.origin.requests.length
    expect(await ask({ 'User-Agent': 'Viewer/1.0' })).toMatchObject({
      rule: 'film',
      mode: 'enforce',
      answer: { outcome: 'session', status: null, detail: `session ${sessionId}` },
    })
    const other = await ask({ 'User-Agent': 'Thief/1.0' })
    expect(other.answer).toMatchObject({ outcome: 'refused', status: 403, reason: 'token-refused' })
    expect(other.checks.at(-1)).toMatchObject({ outcome: 'failed' })
    await askAdmin(stage, 'DELETE', `/sessions/${sessionId}`)
    expect((await ask({ 'User-Agent': 'Viewer/1.0' })).answer.reason).toBe('session-ended')
    expect(stage.origin.requests).toHaveLength(before)
  })

  it.each([
    [{}, 'body url'],
    [{ url: 'vod/film' }, 'body url: neither a whole URL'],
    [{ url: 'http://user@video.example.com/vod/x' }, 'body url: names no host'],
    [{ url: 'http://video.example.com:99999/vod/x' }, 'body url: names no host'],
    [{ url: '/vod/x', clientAddress: 'foo' }, 'body clientAddress: must be one IPv4'],
    [{ url: '/vod/x', clientAddress: '' }, 'body clientAddress: must be one IPv4'],
    [{ url: '/vod/x', now: -1 }, 'body now'],
    [{ url: '/vod/x', now: 1e300 }, 'body now'],
    [{ url: '/vod/x', headers: { a: 1 } }, 'body headers.a'],
    [{ url: '/vod/x', header: {} }, 'an unknown member'],
  ])('says which member of %j is wrong', async (body, detail) => {
    const stage = await startAdminGate()
    const answer = await askAdmin(stage, 'POST', '/explain', body)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).detail).toContain(detail)
  })
})

describe('POST /_playgate/admin/tokens/inspect', () => {
  it.each(['foo', '', '10.0.0.0/8'])(
    'does not judge by an address that is none: %j',
    async (clientAddress) => {
      const stage = await startAdminGate()
      const body = { token: stage.mint({ ip: '127.0.0.1' }), clientAddress }
      const answer = await askAdmin(stage, 'POST', '/tokens/inspect', body)
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.text).detail).toContain('body clientAddress: must be one IPv4')
      const right = { ...body, clientAddress: '::ffff:127.0.0.1' }
      expect((await askAdmin(stage, 'POST', '/tokens/inspect', right)).status).toBe(200)
    },
  )
})
