import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { commands } from '../../server/cli/commands.ts'
import { judgeOptions } from '../../server/options/judge-options.ts'
import { useBrowser } from '../stage/browser.ts'
import { playOn } from '../stage/playing.ts'
import { sessionTokenOf, startGate, testKey } from '../stage/start-gate.ts'
import { sampleStream } from '../stage/static-server.ts'
import { describeWith } from '../stage/tools.ts'

const top = join(import.meta.dirname, '../..')
const readme = readFileSync(join(top, 'README.md'), 'utf8')

/** The text of the code block that is introduced by that line. */
function block(info: string, page = readme): string {
  const found = new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1]
  if (found === undefined) throw new Error(`the page has no block ${info}`)
  return found
}

/** Runs lines of a page with these names in reach. */
async function runLines(lines: string, names: Readonly<Record<string, unknown>>): Promise<void> {
  // biome-ignore lint/complexity/useArrowFunction: its constructor is what is wanted
  const AsyncFunction = async function () {}.constructor as FunctionConstructor
  await new AsyncFunction(...Object.keys(names), lines)(...Object.values(names))
}

/** Inside the project, so that `playgate/server` means this package, as built. */
let folder = ''
beforeAll(() => {
  mkdirSync(join(top, '.playgate'), { recursive: true })
  folder = mkdtempSync(join(top, '.playgate', 'readme-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function untilAnswered(url: string): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(url).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0)
}

describe('the README', () => {
  it('has a server of fifteen lines and a player of ten', () => {
    const lines = (info: string) =>
      block(info)
        .split('\n')
        .filter((line) => line.trim() !== '').length
    expect(lines('js server.js')).toBeLessThanOrEqual(15)
    expect(lines('js player.js')).toBeLessThanOrEqual(10)
  })

  it('shows parts that do what is said beside them', async () => {
    const file = join(folder, 'parts.mjs')
    writeFileSync(
      file,
      block('js parts.js')
        .replace('edgeauth.verify(', 'const verified = edgeauth.verify(')
        .replace('rewritePlaylist(playlist', 'const rewritten = rewritePlaylist(playlist') +
        'console.log(JSON.stringify([verified.valid, new TextDecoder().decode(rewritten), token]))\n',
    )
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    await once(child, 'close')
    const [valid, playlist, token] = JSON.parse(out)
    expect(valid).toBe(true)
    expect(playlist).toBe(`#EXTM3U\n#EXTINF:4,\n1.ts?hdntl=${token}\n#EXT-X-ENDLIST\n`)
  })

  it('shows a configuration that is good', () => {
    mkdirSync(join(folder, 'trailers'), { recursive: true })
    const sources = { environment: { VOD_KEY: testKey }, baseDirectory: folder }
    const options = judgeOptions(parse(block('yaml')), sources)
    expect(options.rules.map(({ name }) => name)).toEqual(['films', 'trailers'])
  })

  it('calls commands with options that they have', () => {
    const calls = [...readme.matchAll(/npx playgate ([^\n`#]+)/g)].map((match) => match[1] ?? '')
    expect(calls.length).toBeGreaterThan(5)
    for (const call of calls) {
      const words = [...call.matchAll(/'[^']*'|\S+/g)].map(([word]) => word.replace(/[[\]']/g, ''))
      const command = Object.values(commands).find(({ words: name }) =>
        name.every((word, index) => words[index] === word),
      )
      expect([call, command?.summary]).toEqual([call, expect.any(String)])
      const args = words.slice(command?.words.length)
      const options = command?.options ?? {}
      expect(() => parseArgs({ args, options, allowPositionals: true })).not.toThrow()
    }
  })

  it.each(['README.md', 'shared/docs/sessions.md'])(
    'shows in %s how sessions end',
    async (file) => {
      const stage = await startGate()
      const accessToken = stage.mint({ subject: 'u7' })
      const opening = await stage.ask(`/vod/film/index.m3u8?hdnts=${accessToken}`)
      const play = () => stage.ask(`/vod/film/low/1.m4s?hdntl=${sessionTokenOf(opening)}`)
      expect((await play()).status).toBe(200)
      const { gate } = stage
      const passwordChangedAt = new Date(stage.clock.now() + 1)
      const sessionId = (await gate.sessions.list()).sessions[0]?.sessionId
      const lines = block('js sessions.js', readFileSync(join(top, file), 'utf8'))
      await runLines(lines, { gate, accessToken, passwordChangedAt, sessionId })
      expect((await play()).problem.reason).toBe('session-ended')
    },
  )

  it('shows the very body of a refusal', async () => {
    const shown = /^\{"type":"about:blank".*\}$/m.exec(readme)?.[0]
    const { ask, clock, mint } = await startGate()
    const token = mint({ ttlSeconds: 1 })
    clock.advance(2_000)
    expect((await ask(`/vod/film/index.m3u8?hdnts=${token}`)).text).toBe(shown)
  })
})

describeWith(['chromium'], 'the README’s server and player', () => {
  const browser = useBrowser()
  let server: ChildProcess | undefined

  afterAll(async () => {
    if (server === undefined) return
    server.kill()
    await once(server, 'close')
  })

  it('play the sample stream together', async () => {
    const port = await freePort()
    const media = join(folder, 'media')
    cpSync(sampleStream, join(media, 'film'), { recursive: true })
    const file = join(folder, 'server.mjs')
    writeFileSync(file, block('js server.js').replace('8080', String(port)))
    server = spawn(process.execPath, [file], {
      env: { ...process.env, VOD_KEY: testKey, ORIGIN: media },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const origin = `http://127.0.0.1:${port}`
    await untilAnswered(origin)
    expect((await fetch(`${origin}/vod/film/index.m3u8`)).status).toBe(403)

    const entry = join(folder, 'player.js')
    writeFileSync(entry, block('js player.js'))
    const built = await build({
      root: top,
      configFile: false,
      logLevel: 'silent',
      resolve: { alias: { 'playgate/player': join(top, 'player/index.ts') } },
      build: { write: false, rolldownOptions: { input: entry } },
    })
    const outputs = (Array.isArray(built) ? built : [built]).flatMap((result) =>
      'output' in result ? result.output : [],
    )
    const script = outputs.find((output) => output.type === 'chunk')
    const { page } = await browser.openPage('about:blank')
    await page.route(`${origin}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<video muted autoplay></video>' }),
    )
    await page.goto(`${origin}/`)
    await page.addScriptTag({
      type: 'module',
      content: script?.type === 'chunk' ? script.code : '',
    })
    await playOn(page, 2)
  })
})
