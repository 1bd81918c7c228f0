import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listen, type RunningServer } from '../../server/app.ts'
import { keyNew } from '../../server/cli/key-new.ts'
import { createDemo, type Demo } from '../../server/demo/demo-app.ts'
import { createLog } from '../../server/http/log.ts'
import { type OpenedPage, useBrowser } from '../stage/browser.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const part = (name: string) => `[data-testid=${name}]`

/** The page as `npm start` serves it; it has to be built. */
describeWith(['chromium'], 'the page with the token tools', () => {
  const browser = useBrowser()
  const keys: string[] = []
  let demo: Demo
  let server: RunningServer

  beforeAll(async () => {
    demo = createDemo({
      stream: sampleStream,
      page: join(import.meta.dirname, '../../dist/demo'),
      log: createLog('silent'),
      newKey() {
        const key = keyNew()
        keys.push(key)
        return key
      },
    })
    server = await listen(demo.listener, { host: '127.0.0.1', port: 0 })
  })
  afterAll(async () => {
    await server.close(0)
    await demo.gate.close()
  })

  interface OpenedTools extends OpenedPage {
    /** Everything that came over the wire so far. */
    received(): Promise<string>
  }

  async function openTools(): Promise<OpenedTools> {
    const opened = await browser.openPage(`${server.url}/`)
    const bodies: Promise<string>[] = []
    opened.page.on('response', (response) => bodies.push(response.text().catch(() => '')))
    await opened.page.goto(`${server.url}/tokens.html`)
    return { ...opened, received: async () => (await Promise.all(bodies)).join('\n') }
  }

  async function make(at: Page, format: string, fields: Readonly<Record<string, string>>) {
    await at.click(part(`format-${format}`))
    for (const [name, value] of Object.entries(fields)) {
      await at.fill(`#make-${format}-${name}`, value)
    }
    const tokens = at.locator(part('made-token'))
    const before = await tokens.allInnerTexts()
    await at.click('#make-button')
    await tokens.filter({ hasNotText: before[0] ?? 'no token yet' }).waitFor()
    const [token, link] = [
      await at.innerText(part('made-token')),
      await at.innerText(part('made-link')),
    ]
    return { token, link, says: await at.innerText(part('made')) }
  }

  async function verdict(at: Page, changed: boolean) {
    const apart = at.locator(`${part('apart')}[data-changed=${changed}]:not([aria-busy])`)
    await apart.waitFor()
    return {
      good: await apart.getAttribute('data-good'),
      text: await apart.innerText(),
      token: await at.innerText(part('apart-token')),
    }
  }

  const formats = [
    ['edgeauth', { subject: 'viewer-17', payload: 'plan=gold' }, ['exp', 'viewer-17', 'plan=gold']],
    ['ectoken', { ec_ref: '*.example.com, missing' }, ['ec_expire', '*.example.com, missing']],
    ['timed', { ip: '127.' }, ['endTime', '127.']],
    ['managed', { subject: 'viewer-18' }, ['createdAtMs', 'viewer-18']],
  ] as const

  it.each(formats)(
    'makes a token of format %s, and takes it apart',
    async (format, fields, said) => {
      const { page: at, consoleErrors, pageErrors, received } = await openTools()
      const { token, link, says } = await make(at, format, fields)
      expect(link).toContain(token)
      expect((await fetch(link)).status).toBe(200)
      for (const text of said) expect(says).toContain(text)

      await at.click(part('take-made-apart'))
      const whole = await verdict(at, false)
      expect(whole).toMatchObject({ good: 'true', token })
      for (const text of said) expect(whole.text).toContain(text)

      await at.click(part('change-character'))
      const changed = await verdict(at, true)
      expect(changed.good).toBe('false')
      expect(changed.text).toContain('403 refused')
      expect(changed.token).toHaveLength(token.length)
      expect(changed.token).not.toBe(token)

      await at.click(part('undo-change'))
      expect(await verdict(at, false)).toMatchObject({ good: 'true', token })

      await at.fill('#apart-text', token)
      await at.press('#apart-text', 'Enter')
      await at.waitForSelector(`${part('apart')}[data-good=true]:not([aria-busy])`)
      expect(await at.innerText(part('verdict'))).toContain(link)

      const shown = await at.content()
      expect(keys.length).toBeGreaterThan(0)
      for (const key of keys)
        expect([shown.includes(key), (await received()).includes(key)]).toEqual([false, false])
      expect([consoleErrors, pageErrors]).toEqual([[], []])
    },
  )

  it.each([
    ['edgeauth', 'ttlSeconds', 'soon', 'whole number'],
    ['edgeauth', 'path', '/vod/*', 'would open nothing'],
    ['ectoken', 'ec_country', 'Germany', 'two-letter code'],
    ['timed', 'ttlSeconds', '59', '60 to 604800'],
    ['managed', 'ip', '211.3', 'whole bytes'],
  ])('says at the field what is wrong with it: %s %s', async (format, name, value, why) => {
    const { page: at } = await openTools()
    await at.click(part(`format-${format}`))
    await at.fill(`#make-${format}-${name}`, value)
    await at.press(`#make-${format}-${name}`, 'Enter')
    const field = at.locator(`#make-${format}-${name}[aria-invalid=true]`)
    await field.waitFor()
    expect(await at.innerText(`#make-${format}-${name}-error`)).toContain(why)
    expect(await field.getAttribute('aria-describedby')).toContain(`make-${format}-${name}-error`)
    expect(await at.evaluate(() => document.activeElement?.id)).toBe(`make-${format}-${name}`)
    expect(await at.locator(part('made-token')).count()).toBe(0)

    await field.fill('x')
    await at.waitForSelector(`#make-${format}-${name}:not([aria-invalid])`)
  })

  it('judges a token with another request, and says what is wrong with that', async () => {
    const { page: at } = await openTools()
    await make(at, 'ectoken', { ec_ref: 'www.example.com' })
    await at.click(part('take-made-apart'))
    expect(await verdict(at, false)).toMatchObject({ good: 'false' })

    await at.click('#request-details summary')
    await at.fill('#request-referrer', 'www.example.com')
    await at.press('#request-referrer', 'Enter')
    await at.waitForSelector('#request-referrer[aria-invalid=true]')
    expect(await at.locator(part('verdict')).count()).toBe(0)

    await at.fill('#request-referrer', 'https://www.example.com/film')
    await at.press('#request-referrer', 'Enter')
    expect((await verdict(at, false)).good).toBe('true')
  })

  it('lists managed tokens, and shows that a revoked one is refused at once', async () => {
    const { page: at } = await openTools()
    await make(at, 'managed', { subject: 'stays' })
    const { link } = await make(at, 'managed', { subject: 'goes' })
    const row = at.locator(part('kept-token'), { hasText: 'goes' })
    await row.getByRole('button', { name: 'Try it: goes' }).click()
    await row.locator('text=200, the playlist').waitFor()

    await row.getByRole('button', { name: 'Revoke: goes' }).click()
    await row.locator('text=403 token-refused').waitFor()
    expect(await row.getAttribute('data-state')).toBe('revoked')
    expect(await row.innerText()).toContain('never made, revoked, or ended')
    expect((await fetch(link)).status).toBe(403)

    await at.reload()
    const other = at.locator(part('kept-token'), { hasText: 'stays' })
    await other.waitFor()
    expect(await row.count()).toBe(0)
    // Its text was known to the page that made it, and to nobody since.
    expect(await other.getByRole('button').allInnerTexts()).toEqual(['Revoke'])
    await other.getByRole('button', { name: 'Revoke: stays' }).click()
    await other.locator('text=whoever has it is refused').waitFor()
  })

  it('puts the token and its link on the clipboard', async () => {
    const { page: at } = await openTools()
    await at.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    const { token, link } = await make(at, 'timed', {})
    for (const [label, text] of [
      ['Copy token', token],
      ['Copy link', link],
    ] as const) {
      await at.click(`text=${label}`)
      await expect.poll(() => at.evaluate(() => navigator.clipboard.readText())).toBe(text)
    }
  })

  it('is there for the keyboard alone', async () => {
    const { page: at } = await openTools()
    await at.focus('input[name=format]:checked')
    await at.keyboard.press('ArrowDown')
    await at.keyboard.press('ArrowDown')
    await at.keyboard.press('Tab')
    expect(await at.evaluate(() => document.activeElement?.id)).toBe('make-timed-ttlSeconds')
    await at.keyboard.press('Enter')
    await at.waitForSelector(`${part('made')}[data-format=timed]`)
  })

  it('leads to the film and back', async () => {
    const { page: at } = await openTools()
    await at.click('text=Back to the film')
    await at.waitForSelector('video')
    await at.click('text=make tokens of your own')
    await at.waitForSelector('#make-form')
  })

  it.each([
    ['desktop', { width: 1280, height: 900 }],
    ['phone', { width: 390, height: 844 }],
    ['small phone', { width: 320, height: 640 }],
  ])('fits a %s without sideways scrolling', async (_device, size) => {
    const { page: at } = await openTools()
    await at.setViewportSize(size)
    for (const [format, fields] of formats) {
      await make(at, format, fields)
      await at.click(part('take-made-apart'))
      await at.waitForSelector(`${part('apart')}[data-format=${format}]`)
      const overflow = await at.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(overflow, format).toBeLessThanOrEqual(0)
    }
  })
})
