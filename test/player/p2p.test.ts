import { describe, expect, it, vi } from 'vitest'
import { p2pRequestSetup } from '../../player/p2p.ts'
import { createSession } from '../../player/session.ts'
import type { SessionOptions, TokenRequest } from '../../player/types.ts'
import { issue } from './playing.ts'
import { origin } from './requests.ts'

const segment = `${origin}/vod/film/s1.m4s`

const setUp = (options: SessionOptions = {}) =>
  p2pRequestSetup(createSession({ getToken: issue(), origins: [origin], ...options }))

describe('the request of p2p-media-loader for a segment', () => {
  it('carries the token, the range that is asked for, and the signal', async () => {
    const abort = new AbortController()
    // A download that goes on asks for less than the playlist's range.
    const request = await setUp()(segment, { start: 0, end: 99 }, abort.signal, {
      start: 40,
      end: 99,
    })
    expect(request?.url).toBe(`${segment}?hdnts=token-1`)
    expect(request?.headers.get('range')).toBe('bytes=40-99')
    expect(request?.signal.aborted).toBe(false)
    abort.abort()
    expect(request?.signal.aborted).toBe(true)
  })

  it.each([
    [undefined, null],
    [{ start: 7 }, 'bytes=7-'],
  ])('of the range %j has the header %s', async (range, header) => {
    const request = await setUp()(segment, undefined, undefined, range)
    expect(request?.headers.get('range')).toBe(header)
  })

  it('carries it in a header, or leaves it to the cookies of the browser', async () => {
    const inHeader = await setUp({ transport: 'header' })(segment)
    expect([inHeader?.url, inHeader?.headers.get('hdnts')]).toEqual([segment, 'token-1'])
    expect(inHeader?.credentials).toBe('same-origin')
    expect((await setUp({ transport: 'cookie' })(segment))?.credentials).toBe('include')
  })

  it('is left to the engine for other hosts, and where there is no token', async () => {
    expect(await setUp()('https://elsewhere.test/s1.m4s')).toBeUndefined()
    const session = createSession({ origins: [origin] })
    expect(await p2pRequestSetup(session)(segment)).toBeUndefined()
  })

  describe('for a segment that was asked for before', () => {
    /** A session with a token of 15 minutes; the next ones are given by hand. */
    async function start() {
      const reasons: string[] = []
      const answers: ((token: string) => void)[] = []
      const getToken = ({ reason }: TokenRequest) => {
        reasons.push(reason)
        return reasons.length === 1
          ? Promise.resolve({ token: 'token-1', expiresIn: 900 })
          : new Promise<string>((resolve) => answers.push(resolve))
      }
      let now = 0
      const session = createSession({ getToken, origins: [origin] }, () => now)
      const request = p2pRequestSetup(session)
      await request(segment, { start: 0, end: 9 })
      await request(segment)
      /** A request when 200 seconds of life are left. */
      const runAhead = async () => {
        now = 700_000
        await request(`${origin}/vod/film/s2.m4s`)
        expect(session.state).toBe('renewing')
      }
      return { session, request, reasons, answers, runAhead }
    }

    it('waits for the renewal that is under way; another segment does not', async () => {
      const { session, request, answers, reasons } = await start()
      void session.renew()
      const again = request(segment)
      const other = await request(`${origin}/vod/film/s2.m4s`)
      expect(other?.url).toMatch(/hdnts=token-1$/)
      answers[0]?.('token-2')
      expect((await again)?.url).toBe(`${segment}?hdnts=token-2`)
      expect(reasons).toEqual(['start', 'manual'])
    })

    it('does not wait when nobody renews, nor for another range of one file', async () => {
      const { session, request, reasons } = await start()
      expect((await request(segment, { start: 0, end: 9 }))?.url).toMatch(/hdnts=token-1$/)
      void session.renew()
      const next = await request(segment, { start: 10, end: 19 })
      expect(next?.url).toMatch(/hdnts=token-1$/)
      expect(reasons).toEqual(['start', 'manual'])
    })

    it('does not wait for a renewal that runs ahead, as when the viewer seeks back', async () => {
      const { session, request, reasons, runAhead } = await start()
      await runAhead()
      expect((await request(segment))?.url).toMatch(/hdnts=token-1$/)
      expect(session.state).toBe('renewing')
      expect(reasons).toEqual(['start', 'ahead'])
    })

    it('waits after a refusal also when a renewal ran ahead', async () => {
      const { session, request, reasons, answers, runAhead } = await start()
      await runAhead()
      // As the engine does it: it tells of the refusal, and queues the next try.
      void session.renew()
      const again = request(segment)
      await vi.waitFor(() => expect(answers).toHaveLength(2))
      answers[1]?.('token-2')
      expect((await again)?.url).toMatch(/hdnts=token-2$/)
      expect(reasons).toEqual(['start', 'ahead', 'manual'])
    })

    it('remembers the last hundred', async () => {
      const { session, request } = await start()
      for (let number = 2; number <= 101; number += 1)
        await request(`${origin}/vod/film/s${number}.m4s`)
      void session.renew()
      expect((await request(segment))?.url).toMatch(/hdnts=token-1$/)
    })
  })

  it('fails at once when playback was refused for good', async () => {
    const session = createSession({ origins: [origin] })
    session.destroy()
    await expect(p2pRequestSetup(session)(segment)).rejects.toMatchObject({ code: 403 })
  })
})
