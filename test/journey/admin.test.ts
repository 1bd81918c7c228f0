import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { useClosing } from '../stage/closing.ts'
import { type PlayerPage, servePlayerPage } from '../stage/player-page.ts'
import { playOn, playWithPlugin, told } from '../stage/playing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const token = 'correct-horse-battery-staple'
const opened = useClosing()
const test = (name: string) => `[data-testid=${name}]`
const patient = { timeout: 15_000 }

async function startStream(): Promise<ProtectedStream> {
  const origin = opened(await serveFolder(sampleStream))
  return opened(await protectStream(origin.origin, {}, {}, { admin: { token } }))
}

async function signIn(page: Page, typed = token): Promise<void> {
  await page.fill('#token', typed)
  await page.keyboard.press('Enter')
}

/** What `attachSession` makes of the final word, once there is one. */
async function lastWordOf(page: Page): Promise<string[]> {
  return page.evaluate(() => Reflect.get(window, 'lastWords'))
}

async function listenForLastWord(page: Page): Promise<void> {
  await page.evaluate(() => {
    const hls: InstanceType<typeof window.Hls> = Reflect.get(window, 'hls')
    const lastWords: string[] = []
    Object.assign(window, { lastWords })
    hls.on(window.Hls.Events.ERROR, (_event, { fatal, error }) => {
      if (fatal) lastWords.push(error.message)
    })
  })
}

describeWith(['chromium'], 'the admin page', () => {
  const browser = useBrowser()
  let playerPage: PlayerPage
  beforeAll(async () => {
    playerPage = await servePlayerPage()
    return () => playerPage.close()
  })

  it('shows who plays as it happens, and ends it with a click', async () => {
    const stream = await startStream()
    const admin = await browser.openPage(`${stream.origin}/_playgate/admin`)
    await signIn(admin.page)
    await expect.poll(() => admin.page.innerText('#sessions-empty')).toContain('Nobody is playing')

    const viewer = await browser.openPage(playerPage.url)
    const mint = () => stream.gate.mint({ path: '/vod/*', ttlSeconds: 60, subject: 'viewer-17' })
    const config = { maxBufferLength: 4, maxMaxBufferLength: 4 }
    await playWithPlugin(viewer.page, stream.url, mint, { level: 0, config })
    await listenForLastWord(viewer.page)

    const row = admin.page.locator(test('session-row'))
    await expect.poll(() => row.count(), patient).toBe(1)
    const text = await row.innerText()
    for (const shown of ['viewer-17', '/vod/index.m3u8', 'rule stream', '127.0.0.1', 'Chrome']) {
      expect(text).toContain(shown)
    }
    await expect.poll(() => admin.page.innerText(test('figure-active')), patient).toBe('1')
    const requests = async () => Number(await row.locator(test('requests')).innerText())
    const element = await row.elementHandle()
    const before = await requests()
    await playOn(viewer.page, 4)
    await expect.poll(requests, patient).toBeGreaterThan(before)
    // The same row all the while: nobody's focus or selection is lost.
    expect(await element?.evaluate((one) => one.isConnected)).toBe(true)

    await row.locator(test('end')).dblclick()
    await expect.poll(() => row.locator(test('state')).innerText(), patient).toBe('ended')
    expect(await row.locator(test('end')).getAttribute('aria-disabled')).toBe('true')
    await expect
      .poll(() => lastWordOf(viewer.page), patient)
      .toEqual(['playback refused: session-ended'])
    expect(await told(viewer.page)).toContain('denied')
    const ended = stream.log.filter((line) => line.includes('"operation":"endSession"'))
    expect(ended).toHaveLength(1)

    // Nothing is asked for any more, and what is there plays out.
    const asked = stream.requests().length
    await viewer.page.waitForFunction(() => {
      const video = document.querySelector('video')
      return video !== null && (video.readyState < 3 || video.ended)
    })
    expect(stream.requests().length).toBe(asked)
    const refusal = admin.page.locator(test('refusal-row')).first()
    await expect.poll(() => refusal.innerText(), patient).toContain('session-ended')
    await expect.poll(() => admin.page.innerText(test('figure-active')), patient).toBe('0')
    expect([admin.consoleErrors, admin.pageErrors]).toEqual([[], []])
  })

  it('tells why a request was refused', async () => {
    const stream = await startStream()
    const { page, consoleErrors, pageErrors } = await browser.openPage(
      `${stream.origin}/_playgate/admin/`,
    )
    await signIn(page)
    await expect.poll(() => page.innerText('#refusals-empty')).toContain('Nothing was refused')
    await fetch(stream.url)
    const wrong = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 }).replace(/.$/, '!')
    await fetch(`${stream.url}?hdnts=${wrong}`)
    const rows = page.locator(test('refusal-row'))
    await expect.poll(() => rows.count(), patient).toBe(2)
    const [latest, first] = await rows.allInnerTexts()
    expect(latest).toMatch(/token-refused[\s\S]*\/vod\/index\.m3u8[\s\S]*127\.0\.0\.1[\s\S]*403/)
    expect(first).toContain('no hdnts in the request')
    await expect.poll(() => page.innerText(test('figure-refused'))).toBe('2')
    expect(await page.content()).not.toContain('hmac')
    expect([consoleErrors, pageErrors]).toEqual([[], []])
  })

  it('says that a token is wrong, and keeps the right one nowhere', async () => {
    const stream = await startStream()
    const { page, pageErrors } = await browser.openPage(`${stream.origin}/_playgate/admin/`)
    for (const typed of ['wrong-wrong-wrong', 'nicht Ümläüte']) {
      await signIn(page, typed)
      await expect.poll(() => page.innerText('#door-error')).toContain('not the admin token')
      expect(await page.isVisible('#desk')).toBe(false)
    }
    await signIn(page)
    await expect.poll(() => page.isVisible('#desk')).toBe(true)
    expect(await page.innerText('#door-error')).toBe('')
    const kept = await page.evaluate(async () => [
      location.href,
      document.cookie,
      JSON.stringify(localStorage),
      JSON.stringify(sessionStorage),
      String((await indexedDB.databases()).length),
      document.documentElement.outerHTML,
      [...document.querySelectorAll('input')].map(({ value }) => value).join(),
    ])
    expect(kept.join()).not.toContain(token)
    await page.click('#leave')
    expect(await page.isVisible('#desk')).toBe(false)
    await page.reload()
    expect(await page.isVisible('#door')).toBe(true)
    expect(pageErrors).toEqual([])
  })

  it('says so when nobody answers, and goes on when somebody does again', async () => {
    const stream = await startStream()
    const { page, pageErrors } = await browser.openPage(`${stream.origin}/_playgate/admin/`)
    await signIn(page)
    const pulse = page.locator(test('pulse'))
    await expect.poll(() => pulse.innerText(), patient).toContain('Live')
    await page.route('**/_playgate/admin/**', (route) => route.abort())
    await expect.poll(() => pulse.innerText(), patient).toContain('No answer since')
    await page.unroute('**/_playgate/admin/**')
    await expect.poll(() => pulse.innerText(), patient).toContain('Live')
    expect(pageErrors).toEqual([])
  })

  it('asks every other second, and for nothing while nobody looks', async () => {
    const stream = await startStream()
    const { page } = await browser.openPage(`${stream.origin}/_playgate/admin/`)
    await page.clock.install({ time: 0 })
    await page.clock.pauseAt(1_000)
    await signIn(page)
    await expect.poll(() => page.innerText(test('pulse')), patient).toContain('Live')
    let asked = 0
    page.on('request', (request) => {
      if (request.url().endsWith('/summary')) asked += 1
    })
    const setHidden = (isHidden: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, isHidden)
    const timers = () => page.clock.runFor(2_000)
    await timers()
    await expect.poll(() => asked, patient).toBe(1)
    // The next one is due two seconds after the answer.
    await expect.poll(async () => [await timers(), asked][1], patient).toBeGreaterThan(1)
    await setHidden(true)
    const before = asked
    for (let times = 0; times < 10; times++) await timers()
    expect(asked).toBe(before)
    await setHidden(false)
    await expect.poll(() => asked, patient).toBe(before + 1)
  })

  it('lets no row slip under a pointer that is about to end another', async () => {
    const stream = await startStream()
    const start = async (subject: string) => {
      const minted = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60, subject })
      await fetch(`${stream.url}?hdnts=${minted}`)
    }
    await start('anna')
    const { page } = await browser.openPage(`${stream.origin}/_playgate/admin/`)
    await signIn(page)
    const rows = page.locator(test('session-row'))
    await expect.poll(() => rows.count(), patient).toBe(1)
    await rows.locator(test('end')).hover()
    await start('bert')
    const note = () => page.innerText('#sessions-note')
    await expect.poll(note, patient).toBe('1 change waits while you point at a button')
    expect(await rows.count()).toBe(1)
    await page.mouse.move(0, 0)
    await expect.poll(() => rows.count(), patient).toBe(2)
    expect(await rows.first().innerText()).toContain('bert')
    expect(await note()).toBe('')
  })

  it('finds sessions by a part of what they show, and ends all of a subject', async () => {
    const stream = await startStream()
    for (const subject of ['anna', 'anna', 'bert']) {
      const minted = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60, subject })
      expect((await fetch(`${stream.url}?hdnts=${minted}`)).status).toBe(200)
    }
    const { page, consoleErrors, pageErrors } = await browser.openPage(
      `${stream.origin}/_playgate/admin/`,
    )
    await signIn(page)
    const rows = page.locator(test('session-row'))
    await expect.poll(() => rows.count(), patient).toBe(3)
    const counts: Record<string, number> = { nn: 2, bert: 1, '/vod/ind': 3, '127.0.0.1': 3, zzz: 0 }
    for (const [text, count] of Object.entries(counts)) {
      await page.fill('#filter', text)
      await expect.poll(() => rows.count(), patient).toBe(count)
    }
    await page.click('#sessions-empty button')
    await expect.poll(() => rows.count(), patient).toBe(3)
    const anna = rows.filter({ hasText: 'anna' })
    await anna.first().locator(test('end-subject')).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => page.innerText('#toast'), patient).toBe('Ended 2 sessions of anna.')
    await expect
      .poll(() => rows.locator(test('state')).allInnerTexts(), patient)
      .toEqual(expect.arrayContaining(['ended', 'ended', 'playing']))
    await page.selectOption('#state', 'ended')
    await expect.poll(() => rows.count(), patient).toBe(2)
    expect([consoleErrors, pageErrors]).toEqual([[], []])
  })

  it.each([
    ['desktop', 1280],
    ['phone', 390],
    ['small phone', 320],
  ])('fits a %s without sideways scrolling', async (_device, width) => {
    const stream = await startStream()
    const subject = 'a-very-long-subject-'.repeat(10)
    const minted = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60, subject })
    await fetch(`${stream.url}?hdnts=${minted}`, {
      headers: { 'User-Agent': `${'Unbreakable'.repeat(20)}/1.0` },
    })
    await fetch(`${stream.origin}/vod/${'long'.repeat(200)}.m4s`)
    const { page, consoleErrors } = await browser.openPage(`${stream.origin}/_playgate/admin/`)
    await page.setViewportSize({ width, height: 800 })
    await signIn(page)
    await expect.poll(() => page.locator(test('session-row')).count(), patient).toBe(1)
    await expect.poll(() => page.locator(test('refusal-row')).count(), patient).toBe(1)
    const fits = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      const spilt = [...document.querySelectorAll('main *')].filter((one) => {
        const { right, width: wide } = one.getBoundingClientRect()
        return wide > 1 && right > innerWidth + 1
      })
      return { overflow: scrollWidth - clientWidth, spilt: spilt.map(({ outerHTML }) => outerHTML) }
    })
    expect(fits).toEqual({ overflow: 0, spilt: [] })
    expect(consoleErrors).toEqual([])
  })
})
