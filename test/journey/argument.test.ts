import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listen, type RunningServer } from '../../server/app.ts'
import { createDemo, type Demo } from '../../server/demo/demo-app.ts'
import { createLog } from '../../server/http/log.ts'
import { useBrowser } from '../stage/browser.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

type SideName = 'stock' | 'playgate'

/** Both tokens live for ten seconds, and so long does a story of them take, several times over on a busy machine. */
const storyMs = 45_000
const soon = { timeout: 20_000 }

/** The first page of the demo, as `npm start` serves it; it has to be built. */
describeWith(['chromium'], 'the two players side by side', () => {
  const browser = useBrowser({ hosts: ['demo.example'] })
  let demo: Demo
  let server: RunningServer

  beforeAll(async () => {
    demo = createDemo({
      stream: sampleStream,
      page: join(import.meta.dirname, '../../dist/demo'),
      log: createLog('silent'),
    })
    server = await listen(demo.listener, { host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await server.close(0)
    await demo.gate.close()
  })

  /** The page, when both have begun to play. */
  async function openBoth() {
    const opened = await browser.openPage(`${server.url}/`)
    for (const name of ['stock', 'playgate'] as const) {
      await expect.poll(() => figure(opened.page, name, 'played'), soon).toBeGreaterThan(1)
    }
    return opened
  }

  it('freezes hls.js as it comes, and plays on beside it', { timeout: storyMs }, async () => {
    const { page, consoleErrors, pageErrors } = await openBoth()
    await watchWaiting(page)
    await expect.poll(() => state(page, 'stock'), { timeout: 35_000 }).toBe('frozen')
    const [frozenAt, goesOnAt] = [await position(page, 'stock'), await position(page, 'playgate')]
    await expect.poll(() => position(page, 'playgate'), soon).toBeGreaterThan(goesOnAt + 3)

    expect(await position(page, 'stock')).toBe(frozenAt)
    expect(await figure(page, 'stock', 'refused')).toBeGreaterThan(0)
    expect(await figure(page, 'stock', 'tokens')).toBe(1)
    expect(await page.locator('[data-testid=stock] .badge').innerText()).toMatch(/^Frozen at/)

    expect(await waited(page)).toEqual([])
    expect(await figure(page, 'playgate', 'stalls')).toBe(0)
    expect(await figure(page, 'playgate', 'refused')).toBe(0)
    expect(await figure(page, 'playgate', 'tokens')).toBeGreaterThan(1)

    expect(pageErrors).toEqual([])
    // The browser itself says so of each request that is refused.
    expect(consoleErrors.filter((text) => !text.includes('403'))).toEqual([])
  })

  it('Revoke: the one is refused for good, the other once', { timeout: storyMs }, async () => {
    const { page } = await openBoth()
    await page.getByRole('button', { name: 'Revoke' }).click()
    await expect.poll(() => figure(page, 'stock', 'refused'), soon).toBeGreaterThan(0)
    await expect.poll(() => figure(page, 'playgate', 'recovered'), soon).toBeGreaterThan(0)
    // Several may have been under way, and each comes back by itself.
    const isWhole = async () => {
      const { refused, recovered } = await figures(page, 'playgate')
      return recovered === refused
    }
    await expect.poll(isWhole, soon).toBe(true)
    expect(
      await page.locator('[data-testid=playgate] .cell[data-outcome=recovered]').count(),
    ).toBeGreaterThan(0)
    await playsOn(page, 'playgate', 4)
    expect(await figure(page, 'playgate', 'stalls')).toBe(0)
  })

  it('Slow token server: tokens come late, and nothing stops', { timeout: storyMs }, async () => {
    const { page } = await openBoth()
    const slow = page.getByRole('button', { name: 'Slow token server' })
    await slow.click()
    await expect.poll(() => slow.getAttribute('aria-pressed')).toBe('true')
    await expect.poll(() => figure(page, 'playgate', 'tokens'), soon).toBeGreaterThan(1)
    await playsOn(page, 'playgate', 5)
    const asked = await page
      .locator('[data-testid=playgate] .asking')
      .evaluateAll((bars) =>
        bars.map((bar) => Number((bar as HTMLElement).style.getPropertyValue('--for'))),
      )
    expect(asked[0]).toBeLessThan(5)
    expect(asked[1]).toBeGreaterThanOrEqual(5)
    expect(await figure(page, 'playgate', 'stalls')).toBe(0)
  })

  it('Deny: the right one stops asking, and says why', { timeout: storyMs }, async () => {
    const { page } = await openBoth()
    await page.getByRole('button', { name: 'Deny' }).click()
    const badge = page.locator('[data-testid=playgate] .badge')
    await expect.poll(() => badge.innerText(), soon).toContain('asks for nothing more')
    const asked = await figure(page, 'playgate', 'requests')
    await expect.poll(() => badge.innerText(), soon).toMatch(/^Stopped .*no more tokens/)
    expect(await figure(page, 'playgate', 'requests')).toBe(asked)
    expect(await figure(page, 'playgate', 'refused')).toBe(0)
  })

  it('Pause a minute: both pause, and go on when told to', async () => {
    const { page } = await openBoth()
    const pause = page.getByRole('button', { name: 'Pause a minute' })
    await pause.click()
    for (const name of ['stock', 'playgate'] as const) {
      await expect.poll(() => state(page, name)).toBe('paused')
    }
    expect(await pause.innerText()).toMatch(/goes on in (1:00|0:5\d)/)
    await pause.click()
    await playsOn(page, 'playgate', 1)
    expect(await figure(page, 'playgate', 'stalls')).toBe(0)
  })

  it('Start again: both begin anew', { timeout: storyMs }, async () => {
    const { page } = await openBoth()
    await page.getByRole('button', { name: 'Revoke' }).click()
    await expect.poll(() => figure(page, 'stock', 'refused'), soon).toBeGreaterThan(0)
    await page.getByRole('button', { name: 'Start again' }).click()
    await expect.poll(() => figure(page, 'stock', 'refused')).toBe(0)
    await playsOn(page, 'stock', 1)
    await playsOn(page, 'playgate', 1)
  })

  it('stops the right one, too, when its session is ended', { timeout: storyMs }, async () => {
    const { page } = await openBoth()
    const { sessions } = await demo.gate.sessions.list({ rule: 'side-by-side' })
    const names = sessions.map(({ subject }) => subject?.split('-')[0])
    expect(new Set(names)).toEqual(new Set(['stock', 'playgate']))
    for (const { sessionId } of sessions) await demo.gate.sessions.end(sessionId)
    const badge = page.locator('[data-testid=playgate] .badge')
    await expect.poll(() => badge.innerText(), soon).toMatch(/^Stopped .*its session was ended/)
  })

  it('shows that a link of the right one is dead elsewhere', async () => {
    const { page } = await openBoth()
    await page.getByTestId('dead-try').click()
    const result = page.getByTestId('dead-result')
    await expect.poll(() => result.getAttribute('data-status')).toBe('403')
    expect(await result.innerText()).toMatch(/403 refused\s*token-refused/)

    const elsewhere = (await page.getByTestId('dead-open').getAttribute('href')) ?? ''
    const link = new URL(new URL(elsewhere).hash.slice(1), server.url)
    const stolen = await fetch(link, { headers: { 'User-Agent': 'Other/1.0' } })
    expect([stolen.status, (await stolen.json()).reason]).toEqual([403, 'token-refused'])

    const other = await page.context().browser()?.newContext({ userAgent: 'Other/1.0' })
    const there = await other?.newPage()
    await there?.goto(elsewhere)
    await expect.poll(() => there?.getByTestId('answer').innerText()).toBe('403 token-refused')
    expect(await there?.getByRole('heading', { level: 1 }).innerText()).toBe('Refused here')
  })

  it('opens a link in the browser that it was made for', async () => {
    const { page } = await openBoth()
    await page.getByRole('button', { name: 'A newer one' }).click()
    const elsewhere = (await page.getByTestId('dead-open').getAttribute('href')) ?? ''
    await page.goto(elsewhere)
    await expect.poll(() => page.getByTestId('answer').innerText()).toBe('200')
  })

  it('draws the link as a QR code where another device can reach it', async () => {
    const { page: near } = await openBoth()
    expect(await near.getByTestId('dead-qr').isVisible()).toBe(false)
    const { page: far } = await browser.openPage(
      `${server.url.replace('127.0.0.1', 'demo.example')}/`,
    )
    const code = far.getByRole('img', { name: 'QR code of the link' })
    await code.waitFor()
    expect(await code.locator('path').getAttribute('d')).toMatch(/^(M\d+ \d+h1v1h-1z){500,}$/)
  })

  it('can be used with a keyboard and a screen reader', async () => {
    const { page } = await openBoth()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('act-revoke')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    const slow = page.getByRole('button', { name: 'Slow token server', pressed: true })
    await slow.waitFor()
    expect(await page.getByRole('status').first().innerText()).toMatch(/^Slow: /)

    const headings = await page.getByRole('heading').evaluateAll((all) => all.map((h) => h.tagName))
    expect(headings.filter((tag) => tag === 'H1')).toHaveLength(1)
    expect(headings[0]).toBe('H1')
    const unnamed = await page.evaluate(() => {
      const named = 'a, button, [role=img], video, section, article, nav, fieldset'
      const name = (element: Element) =>
        element.getAttribute('aria-label') ??
        document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent ??
        element.textContent
      const pictures = document.querySelectorAll('svg:not([aria-hidden=true]):not([role=img])')
      return (
        [...document.querySelectorAll(named)].filter((element) => !name(element)?.trim()).length +
        pictures.length
      )
    })
    expect(unnamed).toBe(0)
  })

  it.each([
    ['desktop', { width: 1280, height: 800 }],
    ['phone', { width: 390, height: 844 }],
  ])('fits a %s, and both players are in its first view', async (_device, size) => {
    const { page } = await openBoth()
    await page.setViewportSize(size)
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    expect(overflow).toBeLessThanOrEqual(0)
    for (const name of ['stock', 'playgate']) {
      const box = await page.locator(`[data-testid=${name}] .strip`).boundingBox()
      expect((box?.y ?? Number.POSITIVE_INFINITY) + (box?.height ?? 0)).toBeLessThan(size.height)
    }
  })
})

async function figures(page: Page, side: SideName): Promise<Record<string, number>> {
  const data = await page
    .getByTestId(side)
    .evaluate((element) => ({ ...(element as HTMLElement).dataset }))
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Number(value)]))
}

async function figure(page: Page, side: SideName, name: string): Promise<number> {
  return (await figures(page, side))[name] ?? Number.NaN
}

async function state(page: Page, side: SideName): Promise<string | null> {
  return page.getByTestId(side).getAttribute('data-state')
}

/** Of the picture, in seconds. */
async function position(page: Page, side: SideName): Promise<number> {
  return page
    .locator(`[data-testid=${side}] video`)
    .evaluate((video) => (video as HTMLVideoElement).currentTime)
}

/** Waits until so many more seconds of film were shown. */
async function playsOn(page: Page, side: SideName, seconds: number): Promise<void> {
  const from = await position(page, side)
  await expect.poll(() => position(page, side), soon).toBeGreaterThan(from + seconds)
}

/** From now on the page keeps every moment at which the right player had nothing to show. */
async function watchWaiting(page: Page): Promise<void> {
  await page.locator('[data-testid=playgate] video').evaluate((video) => {
    const waited: number[] = []
    Object.assign(window, { waited })
    video.addEventListener('waiting', () => waited.push((video as HTMLVideoElement).currentTime))
  })
}

async function waited(page: Page): Promise<number[]> {
  return page.evaluate(() => Reflect.get(window, 'waited'))
}
