import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type Hls from 'hls.js'
import type { Events } from 'hls.js'
import type { ElementHandle, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useBrowser } from '../stage/browser.ts'
import { serveClearStream } from '../stage/clear-stream.ts'
import { useClosing } from '../stage/closing.ts'
import { type ProtectedStream, protectStream } from '../stage/protected-stream.ts'
import { type StaticServer, sampleStream, serveFolder } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const top = join(import.meta.dirname, '../..')
const recipes = ['player-recipes.md', 'player-adapters.md']
  .map((name) => readFileSync(join(top, 'shared/docs', name), 'utf8'))
  .join('\n')

/** The text of the code block of that name. */
function block(name: string): string {
  const info = `\`\`\`${name.slice(name.lastIndexOf('.') + 1)} ${name}\n`
  const start = recipes.indexOf(info) + info.length
  if (start < info.length) throw new Error(`the pages have no block ${name}`)
  return recipes.slice(start, recipes.indexOf('\n```', start))
}

/** Inside the project, where the packages are found. */
let folder = ''
beforeAll(() => {
  mkdirSync(join(top, '.playgate'), { recursive: true })
  folder = mkdtempSync(join(top, '.playgate', 'recipes-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Bundles a recipe's script as a site would, with more behind it. */
async function bundle(name: string, more: string): Promise<Map<string, string>> {
  const entry = join(folder, name)
  writeFileSync(entry, `${block(name)}\n${more}`)
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'silent',
    resolve: {
      alias: [
        { find: /^playgate\/player$/, replacement: join(top, 'player/index.ts') },
        { find: /^playgate\/player\/(\w+)$/, replacement: join(top, 'player/$1.ts') },
      ],
    },
    build: {
      write: false,
      minify: false,
      rolldownOptions: { input: entry, output: { entryFileNames: 'page.js' } },
    },
  })
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((part) =>
    'output' in part ? part.output : [],
  )
  return new Map(
    outputs.flatMap((part) => (part.type === 'chunk' ? [[part.fileName, part.code]] : [])),
  )
}

interface Recipe {
  readonly name: string
  readonly script: string
  /** What plays: a video, or an element with the same properties. */
  readonly media: string
  /** Where the hls.js instance is: an element, and from there the names of properties. */
  readonly hls: readonly [selector: string, ...path: string[]]
}

const element = { media: 'hls-video', hls: ['hls-video', 'api'] } as const

describeWith(['chromium'], 'the recipe for', () => {
  const browser = useBrowser()
  const opened = useClosing()

  /** The recipe's page on the gate's own origin, as its relative URLs want it. */
  async function open(
    stream: ProtectedStream,
    { name, script }: Pick<Recipe, 'name' | 'script'>,
    more = '',
  ): Promise<Page> {
    const scripts = await bundle(script, more)
    const { page } = await browser.openPage('about:blank')
    await page.route(
      ({ origin, pathname }) => origin === stream.origin && !/\/(vod|_playgate)\//.test(pathname),
      (route) => {
        const { pathname } = new URL(route.request().url())
        if (pathname === '/api/play-token') {
          const token = stream.gate.mint({ path: '/vod/*', ttlSeconds: 60 })
          return route.fulfill({ json: { token } })
        }
        if (pathname === '/') {
          const head = '<!doctype html><link rel="icon" href="data:,">'
          const body = `${head}${block(`${name}.html`)}<script type="module" src="/page.js"></script>`
          return route.fulfill({ contentType: 'text/html', body })
        }
        const body = scripts.get(pathname.slice(1))
        if (body === undefined) return route.fulfill({ status: 404 })
        return route.fulfill({ contentType: 'text/javascript', body })
      },
    )
    await page.goto(`${stream.origin}/`)
    return page
  }

  /** A film behind a gate that leaves playlists as they are, where the recipes look for it. */
  async function protect(files: Promise<StaticServer>, session = {}): Promise<ProtectedStream> {
    const { origin } = opened(await files)
    return opened(
      await protectStream(
        origin,
        { carrier: ['player'], ...session },
        { stripPrefix: '/vod/film' },
      ),
    )
  }

  it.each<Recipe>([
    { name: 'hls-video-element', script: 'hls-video-element.js', ...element },
    { name: 'media-chrome', script: 'media-chrome.js', ...element },
    { name: 'react-player', script: 'react-player.jsx', ...element },
    {
      name: 'vidstack',
      script: 'vidstack.js',
      media: 'media-player video',
      hls: ['media-player', 'provider', 'instance'],
    },
  ])('$name plays on through a revocation, and ends with one fatal error', async (recipe) => {
    const stream = await protect(serveFolder(sampleStream))
    const refusals = () =>
      stream.requests().filter(({ reason }) => reason === 'token-refused').length
    const page = await open(stream, recipe)
    const video = (await page.waitForSelector(recipe.media)) as ElementHandle<HTMLVideoElement>
    const time = () => video.evaluate(({ currentTime }) => currentTime)
    await expect.poll(() => video.evaluate(({ readyState }) => readyState)).toBeGreaterThan(0)
    await page.evaluate(([selector = '', ...path]) => {
      const start = document.querySelector(selector) as unknown
      const hls = path.reduce((value, name) => Reflect.get(Object(value), name), start) as Hls
      Object.assign(window, { hls, fatal: 0 })
      hls.on('hlsError' as Events.ERROR, (_, { fatal }) => {
        if (fatal) Object.assign(window, { fatal: Reflect.get(window, 'fatal') + 1 })
      })
    }, recipe.hls)
    const fatal = () => page.evaluate(() => Reflect.get(window, 'fatal'))
    await video.evaluate((element) => element.play())
    await expect.poll(time).toBeGreaterThan(1)
    expect(refusals()).toBe(0)

    stream.revokeTokens()
    // It holds more in advance than this film lasts, and drops that only for another quality.
    await page.evaluate(() => {
      const hls: Hls = Reflect.get(window, 'hls')
      hls.currentLevel = hls.currentLevel === 0 ? 1 : 0
    })
    await expect.poll(refusals).toBeGreaterThan(0)
    const from = await time()
    await expect.poll(time).toBeGreaterThan(from + 1)
    expect(await fatal()).toBe(0)

    const { sessions } = await stream.gate.sessions.list()
    for (const { sessionId } of sessions) await stream.gate.sessions.end(sessionId)
    await page.evaluate(() => Reflect.get(window, 'hls').loadSource('/vod/film/index.m3u8'))
    await expect.poll(fatal).toBe(1)
  })

  it.each(['shaka', 'videojs', 'native'])('%s plays', async (name) => {
    const stream = await protect(serveClearStream())
    const page = await open(stream, { name, script: `${name}.js` })
    const video = await page.waitForSelector('video')
    await video.evaluate((element) => (element as HTMLVideoElement).play())
    await expect
      .poll(() => video.evaluate((element) => (element as HTMLVideoElement).currentTime))
      .toBeGreaterThan(1)
  })

  it('a link for another device is played there, and nowhere else', async () => {
    const stream = await protect(serveClearStream(), { cast: true })
    const more = `${block('cast.js')}\nObject.assign(window, { session, linkForDevice })`
    const page = await open(stream, { name: 'native', script: 'native.js' }, more)
    const video = await page.waitForSelector('video')
    await expect
      .poll(() => video.evaluate((element) => (element as HTMLVideoElement).readyState))
      .toBeGreaterThan(0)
    const link = await page.evaluate(() => {
      const make: (source: string, session: unknown) => Promise<string> = Reflect.get(
        window,
        'linkForDevice',
      )
      return make('/vod/film/index.m3u8', Reflect.get(window, 'session'))
    })
    const askedBy = async (device: string) => {
      const { status } = await fetch(link, { headers: { 'User-Agent': device } })
      return status
    }
    expect(link).toMatch(/^http.*\/hdntl=[^/]*\/vod\/film\/index\.m3u8$/)
    expect(await askedBy('CrKey/1.56')).toBe(200)
    expect(await askedBy('Thief/1.0')).toBe(403)
  })
})
