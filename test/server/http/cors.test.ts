import { describe, expect, it } from 'vitest'
import { sessionTokenOf, startGate } from '../../stage/start-gate.ts'

const path = '/vod/film/index.m3u8'

describe('CORS', () => {
  it('lets every page read, without credentials, when nothing is said', async () => {
    const { ask, mint } = await startGate()
    for (const target of [`${path}?hdnts=${mint()}`, path, '/vod/film/none']) {
      const { headers } = await ask(target, { headers: { Origin: 'https://any.example' } })
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      expect(headers.get('access-control-expose-headers')).toContain('Playgate-Session')
    }
  })

  const listed = {
    rule: { cors: { origins: ['https://www.example.com'] } },
    session: { carrier: ['cookie' as const] },
  }

  it('names a listed origin, with credentials for cookies, on refusals too', async () => {
    const { ask } = await startGate(listed)
    const { headers, status } = await ask(path, { headers: { Origin: 'https://www.example.com' } })
    expect(status).toBe(403)
    expect(headers.get('access-control-allow-origin')).toBe('https://www.example.com')
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('vary')).toContain('Origin')
  })

  it.each([
    'https://www.example.com.evil.example',
    'https://evil-www.example.com',
    'http://www.example.com',
    'https://www.example.com:8443',
    'https://WWW.example.com',
    'null',
  ])('does not let %s read', async (origin) => {
    const { ask } = await startGate(listed)
    const { headers } = await ask(path, { headers: { Origin: origin } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('vary')).toContain('Origin')
  })

  it('answers a preflight without a token and without asking the origin', async () => {
    const { ask, origin } = await startGate()
    const preflight = (asked: string) =>
      ask(asked, {
        method: 'OPTIONS',
        headers: { Origin: 'https://any.example', 'Access-Control-Request-Method': 'GET' },
      })
    const [there, missing] = [await preflight(path), await preflight('/vod/none')]
    expect(there.status).toBe(204)
    expect(there.headers.get('access-control-allow-headers')).toContain('hdntl')
    expect(there.headers.get('access-control-allow-headers')).toContain('CMCD-Request')
    expect([missing.status, missing.text]).toEqual([there.status, there.text])
    expect(origin.requests).toEqual([])
  })
})

describe('every answer', () => {
  it('keeps tokens out of Referer and types from being guessed', async () => {
    const { ask, mint } = await startGate()
    const opened = await ask(`${path}?hdnts=${mint()}`)
    const segment = await ask(`/vod/film/low/1.m4s?hdntl=${sessionTokenOf(opened)}`)
    for (const answer of [
      opened,
      segment,
      await ask(path),
      await ask('/none'),
      await ask('/_playgate/health'),
    ]) {
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])(
    'to %s changes nothing',
    async (method) => {
      const { ask, mint, origin } = await startGate()
      const target = `${path}?hdnts=${mint()}`
      const answer = await ask(target, { method }).catch(() => null)
      // fetch itself does not send TRACE.
      if (answer !== null)
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
      expect(origin.requests).toEqual([])
      expect((await ask(target)).status).toBe(200)
    },
  )
})
