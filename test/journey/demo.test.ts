import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listen, type RunningServer } from '../../server/app.ts'
import { createDemo, type Demo } from '../../server/demo/demo-app.ts'
import { createLog } from '../../server/http/log.ts'
import { useBrowser } from '../stage/browser.ts'
import { playOn } from '../stage/playing.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const page = (name: string) => `[data-testid=${name}]`

/** The page as `npm start` serves it; it has to be built. */
describeWith(['chromium'], 'the page with the film', () => {
  const browser = useBrowser()
  let demo: Demo
  let server: RunningServer
  const log: string[] = []

  beforeAll(async () => {
    demo = createDemo({
      stream: sampleStream,
      page: join(import.meta.dirname, '../../dist/demo'),
      log: createLog('info', { write: (line) => void log.push(line) }),
    })
    server = await listen(demo.listener, { host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await server.close(0)
    await demo.gate.close()
  })

  async function openDemo() {
    const opened = await browser.openPage(`${server.url}/film.html`)
    await playOn(opened.page, 2)
    return opened
  }

  async function steal(at: Page, kind: string) {
    await at.click(page(`steal-${kind}`))
    const result = at.locator(`${page('steal-result')}[data-kind=${kind}][data-status]`)
    await result.waitFor()
    return {
      status: await result.getAttribute('data-status'),
      reason: await result.getAttribute('data-reason'),
      text: await result.innerText(),
    }
  }

  it('plays, takes both tokens apart, and lists every request with its answer', async () => {
    const { page: at, consoleErrors, pageErrors } = await openDemo()
    const [access, session] = [
      await at.locator(page('access-token')).innerText(),
      await at.locator(page('session-token')).innerText(),
    ]
    for (const field of ['exp', 'acl', 'hmac']) expect(access).toContain(field)
    for (const field of ['exp', 'acl', 'id', 'data', 'hmac']) expect(session).toContain(field)
    const rows = at.locator(page('request-row'))
    const kinds = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-kind')))
    const statuses = await rows.evaluateAll((all) =>
      all.map((row) => row.getAttribute('data-status')),
    )
    expect(new Set(kinds).size).toBeGreaterThanOrEqual(5)
    expect(new Set(statuses)).toEqual(new Set(['200']))
    const urls = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-url')))
    expect(urls.filter((url) => !url?.includes('hdntl='))).toEqual([])
    expect([consoleErrors, pageErrors]).toEqual([[], []])
  })

  it('shows that links cannot be stolen, and why', async () => {
    const { page: at } = await openDemo()
    expect(await steal(at, 'same')).toMatchObject({ status: '200', reason: '' })
    const attempts = [
      ['other-agent', 'token-refused', 'other salt headers'],
      ['other-path', 'token-refused', 'ACL'],
      ['expired', 'token-expired', 'expired'],
      ['forged', 'token-refused', 'signature'],
    ] as const
    for (const [kind, reason, why] of attempts) {
      const result = await steal(at, kind)
      expect([kind, result.status, result.reason]).toEqual([kind, '403', reason])
      expect(result.text).toContain(why)
    }
  })

  it('gives links that another browser cannot open, and holds no token where it would stay', async () => {
    const { page: at } = await openDemo()
    const rows = at.locator(page('request-row'))
    const links = await rows.evaluateAll((all) =>
      all.map((row) => row.getAttribute('data-url') ?? ''),
    )
    for (const link of new Set(links)) {
      const stolen = await fetch(new URL(link, server.url), { headers: { 'User-Agent': 'other' } })
      expect(stolen.status).toBe(403)
    }
    const kept = await at.evaluate(() => [
      location.href,
      document.cookie,
      JSON.stringify(localStorage),
      JSON.stringify(sessionStorage),
    ])
    expect(kept.join('')).not.toMatch(/hmac|hdnt/)
    const tokens = links.flatMap((link) => /hmac=([0-9a-f]+)/.exec(link)?.[1] ?? [])
    expect(log.filter((line) => tokens.some((token) => line.includes(token)))).toEqual([])
  })

  it.each([
    ['desktop', { width: 1360, height: 900 }],
    ['phone', { width: 360, height: 740 }],
  ])('fits a %s without sideways scrolling', async (_device, size) => {
    const { page: at } = await openDemo()
    await at.setViewportSize(size)
    await steal(at, 'forged')
    const overflow = await at.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    expect(overflow).toBeLessThanOrEqual(0)
  })
})
