import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { requireTool } from './tools.ts'

/** A page, and what went wrong in it. */
export interface OpenedPage {
  readonly page: Page
  /** What the page wrote with `console.error`, the browser's own complaints about failed loads included. */
  readonly consoleErrors: readonly string[]
  /** Exceptions that nobody in the page caught. */
  readonly pageErrors: readonly Error[]
}

export interface TestBrowser {
  /**
   * Opens a page in a context of its own (no cookies, no cache from others) and waits until it has loaded.
   * It is closed behind the test.
   */
  openPage(url: string): Promise<OpenedPage>
}

export interface BrowserOptions {
  /** Host names that lead to 127.0.0.1 in the browser; all others lead nowhere. @default [] */
  readonly hosts?: readonly string[]
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
]

/** Starting up takes a second on a quiet machine, and much longer on one where other tests run. */
const launchTimeoutMs = 60_000

/** Is that a URL that a test may ask for? */
function isAtHome(url: string, hosts: readonly string[]): boolean {
  const { protocol, hostname } = new URL(url)
  if (!/^(https?|wss?):$/.test(protocol)) return true
  return ['127.0.0.1', 'localhost', ...hosts].includes(hostname)
}

/**
 * Starts Chromium once for the test file or the `describe` in which this is called, and closes it behind it.
 * A request that goes anywhere but to this machine fails the test.
 */
export function useBrowser({ hosts = [] }: BrowserOptions = {}): TestBrowser {
  let browser: Browser | undefined
  const strays: string[] = []

  beforeAll(async () => {
    const rules = [
      ...hosts.map((host) => `MAP ${host} 127.0.0.1`),
      'MAP * ~NOTFOUND',
      'EXCLUDE 127.0.0.1',
      'EXCLUDE localhost',
    ]
    browser = await chromium.launch({
      executablePath: requireTool('chromium'),
      args: [...flags, `--host-resolver-rules=${rules.join(',')}`],
      timeout: launchTimeoutMs,
    })
  }, launchTimeoutMs)

  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close()
    expect(strays.splice(0), 'requests to other machines').toEqual([])
  })

  afterAll(async () => {
    await browser?.close()
  })

  return {
    async openPage(url) {
      if (browser === undefined) throw new Error('openPage is for tests and their hooks')
      const page = await browser.newPage()
      const consoleErrors: string[] = []
      const pageErrors: Error[] = []
      page.on('console', (message) => {
        if (message.type() === 'error') consoleErrors.push(message.text())
      })
      page.on('pageerror', (error) => pageErrors.push(error))
      page.on('request', (request) => {
        if (!isAtHome(request.url(), hosts)) strays.push(request.url())
      })
      await page.goto(url, { waitUntil: 'load' })
      return { page, consoleErrors, pageErrors }
    },
  }
}
