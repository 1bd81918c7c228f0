import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, seek, startWithPlugin, told, trouble } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { stalls, watchStalls } from '../stage/stalls.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const opened = useClosing()

const mintFor = (stream: ProtectedStream) => () =>
  stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
const refused = (stream: ProtectedStream) =>
  stream.requests().filter(({ outcome }) => outcome === 'refused')
const count = async (page: Page, event: string) =>
  (await told(page)).filter((name) => name === event).length
const renewals = (page: Page) => count(page, 'renewed')

/** A few seconds of buffer, so that requests go on. */
const config = { maxBufferLength: 6, maxMaxBufferLength: 6 }

async function protectSample(session: Parameters<typeof protectStream>[1] = {}) {
  const origin = opened(await serveFolder(sampleStream))
  return opened(await protectStream(origin.origin, { carrier: ['player'], ...session }))
}

/** A token endpoint that can be told to misbehave. */
function startEndpoint(stream: ProtectedStream) {
  const mint = mintFor(stream)
  const endpoint = {
    calls: 0,
    answer: mint as () => string | Promise<string>,
    getToken: () => {
      endpoint.calls += 1
      return endpoint.answer()
    },
    recover: () => {
      endpoint.answer = mint
    },
  }
  return endpoint
}

describeWith(['chromium'], 'a renewal', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })
  const openPage = async () => (await browser.openPage(playerPage.url)).page

  describe('that is waited for', () => {
    /** Plays until requests wait for a token, which comes with `give`. */
    async function hold() {
      const stream = await protectSample()
      const endpoint = startEndpoint(stream)
      const page = await openPage()
      await playWithPlugin(page, stream.url, endpoint.getToken, { level: 0, config })
      await playOn(page, 1)
      let give = (_: string) => {}
      endpoint.answer = () => new Promise((resolve) => (give = resolve))
      stream.revokeTokens()
      await expect.poll(() => endpoint.calls).toBe(2)
      return { stream, page, give: () => give(mintFor(stream)()) }
    }

    it.each([
      ['a seek', (page: Page) => seek(page, 30)],
      [
        'a level switch',
        (page: Page) =>
          page.evaluate(() => {
            Object.assign(Reflect.get(window, 'hls'), { nextLevel: 1 })
          }),
      ],
      [
        'stopLoad and startLoad',
        (page: Page) =>
          page.evaluate(() => {
            const hls = Reflect.get(window, 'hls')
            hls.stopLoad()
            hls.startLoad()
          }),
      ],
    ])('survives %s', async (_, act) => {
      const { page, give } = await hold()
      await act(page)
      give()
      await playOn(page, 6)
      expect(await trouble(page)).toEqual([])
      expect(await renewals(page)).toBe(2)
    })

    it('says nothing to a player that was destroyed', async () => {
      const { stream, page, give } = await hold()
      await page.evaluate(() => Reflect.get(window, 'hls').destroy())
      const before = stream.requests().length
      give()
      await expect.poll(() => renewals(page)).toBe(2)
      expect(stream.requests().length).toBe(before)
      expect(await trouble(page)).toEqual([])
    })
  })

  describe('from an endpoint', () => {
    async function playWith(session: object = {}) {
      const stream = await protectSample()
      const endpoint = startEndpoint(stream)
      const page = await openPage()
      await playWithPlugin(page, stream.url, endpoint.getToken, { level: 0, config, session })
      await playOn(page, 1)
      await watchStalls(page)
      return { stream, endpoint, page }
    }

    it('that is slow costs neither a stall nor an error', async () => {
      const { stream, endpoint, page } = await playWith()
      endpoint.answer = () =>
        new Promise((resolve) => setTimeout(() => resolve(mintFor(stream)()), 2_000))
      stream.revokeTokens()
      await playOn(page, 8)
      expect(await stalls(page)).toEqual([])
      expect(await trouble(page)).toEqual([])
      expect(await renewals(page)).toBe(2)
    })

    it('that fails twice costs neither', async () => {
      const { stream, endpoint, page } = await playWith()
      let failures = 0
      endpoint.answer = () => {
        failures += 1
        if (failures === 2) endpoint.recover()
        throw new Error('500')
      }
      stream.revokeTokens()
      await playOn(page, 8)
      expect(failures).toBe(2)
      expect(await stalls(page)).toEqual([])
      expect(await trouble(page)).toEqual([])
    })

    it('that hangs is a time-out for hls.js, which is there again when the endpoint is', async () => {
      const { stream, endpoint, page } = await playWith({ timeoutMs: 500 })
      endpoint.answer = () => new Promise(() => {})
      stream.revokeTokens()
      await expect.poll(async () => (await trouble(page)).length).toBeGreaterThan(0)
      endpoint.recover()
      await playOn(page, 8)
      const found = await trouble(page)
      expect(new Set(found.map(({ details }) => details))).toEqual(new Set(['fragLoadTimeOut']))
      expect(found.filter(({ fatal }) => fatal)).toEqual([])
      expect(await count(page, 'error')).toBeGreaterThan(0)
    })

    it('that cannot be reached for a while is asked again until it can', async () => {
      const { stream, endpoint, page } = await playWith()
      endpoint.answer = () => {
        throw new TypeError('Failed to fetch')
      }
      stream.revokeTokens()
      await expect.poll(() => count(page, 'error')).toBeGreaterThan(1)
      endpoint.recover()
      await playOn(page, 8)
      expect(await trouble(page)).toEqual([])
      expect(await renewals(page)).toBe(2)
    })

    it.each([401, 403])('that answers %i ends playback with one fatal error', async (status) => {
      const stream = await protectSample()
      const endpoint = startEndpoint(stream)
      const page = await openPage()
      await page.exposeFunction('askEndpoint', endpoint.getToken)
      await page.evaluate(() => {
        const ask = Reflect.get(window, 'askEndpoint')
        Object.assign(window, {
          // As a page would throw for the answer of its own server.
          mintToken: async () => {
            const answer = await ask()
            if (typeof answer === 'string') return answer
            throw Object.assign(new Error('no'), answer)
          },
        })
      })
      await startWithPlugin(page, stream.url, { level: 0, config })
      await playOn(page, 1)
      endpoint.answer = () => ({ status, reason: 'session-limit' }) as never
      stream.revokeTokens()
      await expect.poll(() => count(page, 'denied')).toBe(1)
      await expect
        .poll(async () => (await trouble(page)).filter(({ fatal }) => fatal))
        .toEqual([{ details: 'unknown', fatal: true, code: 403 }])
      const before = stream.requests().length
      // What is buffered plays out.
      await playOn(page, 2)
      expect(stream.requests().length).toBe(before)
    })
  })

  it('is shared by two players with one session', async () => {
    const stream = await protectSample()
    const page = await openPage()
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await page.evaluate(
      ({ source, config }) => {
        const { Hls, playgate } = window
        const session = Reflect.get(window, 'session')
        const video = document.body.appendChild(document.createElement('video'))
        video.muted = true
        const hls = new Hls(playgate.withSession(Hls, session, config))
        const trouble: object[] = Reflect.get(window, 'trouble')
        hls.on(Hls.Events.ERROR, (_event, { details, fatal }) => trouble.push({ details, fatal }))
        hls.loadSource(source)
        hls.attachMedia(video)
        video.play()
        Object.assign(window, { second: video })
      },
      { source: stream.url, config },
    )
    const secondPlays = (seconds: number) =>
      page.waitForFunction((until) => Reflect.get(window, 'second').currentTime >= until, seconds)
    await secondPlays(1)
    stream.revokeTokens()
    await playOn(page, 4)
    await secondPlays(4)
    expect(refused(stream).length).toBeGreaterThan(0)
    expect(await renewals(page)).toBe(2)
    expect(await trouble(page)).toEqual([])
  })

  it('reaches the variables that hls.js fills in', async () => {
    const stream = await protectSample({ carrier: ['define', 'query'] })
    const page = await openPage()
    await page.exposeFunction('mintAccess', mintFor(stream))
    await page.evaluate((source) => {
      const mintAccess = Reflect.get(window, 'mintAccess')
      // The stage hands no `previous` on.
      let sessionToken: string | undefined
      const mintToken = async () => {
        const accessToken = await mintAccess()
        const tokens = { accessToken, source, sessionToken, carrier: 'define' as const }
        const answer = await window.playgate.exchangeToken(tokens)
        sessionToken = answer.token
        return answer
      }
      Object.assign(window, { mintToken })
    }, stream.url)
    await startWithPlugin(page, stream.url, {
      level: 0,
      config,
      session: { keepTokenInResponseUrl: true },
    })
    await playOn(page, 1)
    stream.revokeTokens()
    await playOn(page, 8)
    expect(refused(stream).length).toBeGreaterThan(0)
    expect(await renewals(page)).toBe(2)
    expect(await trouble(page)).toEqual([])
  })

  it('comes with the first request after the tab slept longer than the token lived', async () => {
    const stream = await protectSample({ maxLifetimeSeconds: 2 })
    const page = await openPage()
    await playWithPlugin(page, stream.url, mintFor(stream), { level: 0, config })
    await playOn(page, 1)
    await page.evaluate(() => document.querySelector('video')?.pause())
    const devTools = await page.context().newCDPSession(page)
    await devTools.send('Page.setWebLifecycleState', { state: 'frozen' })
    const since = performance.now()
    const slept = (ms: number) => expect.poll(() => performance.now() - since).toBeGreaterThan(ms)
    await slept(1_000)
    const asleep = stream.log.length
    await slept(4_000)
    // Nothing is renewed by a timer.
    expect(stream.log.length).toBe(asleep)
    await devTools.send('Page.setWebLifecycleState', { state: 'active' })
    const life = await page.evaluate(() => Reflect.get(window, 'session').expiresIn)
    expect(life).toBeLessThan(0)
    const before = await renewals(page)
    await page.evaluate(() => document.querySelector('video')?.play())
    await seek(page, 30)
    await playOn(page, 1)
    expect(await renewals(page)).toBeGreaterThan(before)
    expect(refused(stream)).toEqual([])
    expect(await trouble(page)).toEqual([])
  })
})
