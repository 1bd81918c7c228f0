import './browser-globals.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Hls from 'hls.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as playgate from '../../player/index.ts'
import type { Session } from '../../player/types.ts'
import { startGate } from '../stage/start-gate.ts'
import { last, play } from './playing.ts'
import { requestOf } from './requests.ts'

const realFetch = globalThis.fetch
const page = readFileSync(join(import.meta.dirname, '../../shared/docs/player.md'), 'utf8')

afterEach(() => {
  vi.unstubAllGlobals()
})

interface Declared {
  readonly session: Session
  readonly hls: Hls
}

/** Runs the code block of that name with what it imports, and gives what it declares. */
function run(name: string, others: object = {}): Declared {
  const start = page.indexOf(`\`\`\`js ${name}\n`)
  if (start < 0) throw new Error(`the page has no block ${name}`)
  const lines = page.slice(page.indexOf('\n', start), page.indexOf('\n```', start))
  const body = lines.replaceAll(/^import .*$/gm, '')
  const names = { ...playgate, Hls, ...others }
  return new Function(
    ...Object.keys(names),
    `${body}\nreturn { session, ...(typeof hls === 'object' && { hls }) }`,
  )(...Object.values(names))
}

describe('the page about the plugin', () => {
  it('shows how no URL ever holds the access token, in a session that keeps its id', async () => {
    const { url, mint, clock, log } = await startGate()
    vi.stubGlobal('document', { baseURI: url })
    vi.stubGlobal('fetch', (target: string | URL, init: RequestInit) =>
      target === '/api/play-token' ? Response.json({ token: mint() }) : realFetch(target, init),
    )
    const { session } = run('exchange.js')
    expect(await session.get()).toMatchObject({ parameter: 'hdntl' })
    clock.advance(5_000)
    await session.renew()
    const sessions = log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'session')
    expect(sessions.map(({ outcome }) => outcome)).toEqual(['opened', 'renewed'])
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(1)
  })

  it('shows how to learn from the headers of others', () => {
    const { session } = run('learn.js')
    const { ask, made } = play(session)
    ask({ ...requestOf('manifest'), responseType: 'text' })
    last(made).succeed({}, { 'CTA-Common-Access-Token': 'token' })
    ask()
    expect(last(made).url).toBe(`${requestOf().url}?CAT=token`)
  })

  it('shows how licence requests get the token', () => {
    const { hls } = run('license.js')
    expect(hls.config.licenseXhrSetup).toBeInstanceOf(Function)
    expect(hls.config.loader).not.toBe(Hls.DefaultConfig.loader)
    expect(hls.config.emeEnabled).toBe(true)
    hls.destroy()
  })

  it('shows how to put a P2P engine in', async () => {
    const loaders = { pLoader: class {}, fLoader: class {} }
    const engines: HlsJsP2PEngine[] = []
    let tellError = (_: { error: { type: string } }) => {}
    class HlsJsP2PEngine {
      readonly configuration: { readonly core: { readonly httpRequestSetup: unknown } }
      constructor(configuration: HlsJsP2PEngine['configuration']) {
        this.configuration = configuration
        engines.push(this)
      }
      addEventListener(name: string, listener: typeof tellError) {
        expect(name).toBe('onSegmentError')
        tellError = listener
      }
      getConfigForHlsJs = () => loaders
      bindHls = vi.fn()
    }
    const answer = vi.fn(async () => Response.json({ token: 'token', expiresIn: 60 }))
    vi.stubGlobal('fetch', answer)
    const { hls, session } = run('p2p.js', { HlsJsP2PEngine })
    expect(engines[0]?.configuration.core.httpRequestSetup).toBeInstanceOf(Function)
    expect(hls.config).toMatchObject(loaders)
    expect(engines[0]?.bindHls).toHaveBeenCalledWith(hls)

    tellError({ error: { type: 'http-bytes-mismatch' } })
    expect(session.state).toBe('idle')
    tellError({ error: { type: 'http-error' } })
    await expect.poll(() => session.state).toBe('ready')
    expect(answer).toHaveBeenCalledTimes(1)
    const { port } = session
    const refusal = Promise.resolve({ renew: false })
    const note = { url: requestOf().url, type: 'key', status: 403 }
    await port.refused(await port.take(), note, refusal, 0)
    expect(session.state).toBe('denied')
    tellError({ error: { type: 'http-error' } })
    expect(session.state).toBe('denied')
    session.destroy()
    tellError({ error: { type: 'http-error' } })
    // An unhandled rejection would fail the test.
    await new Promise((resolve) => setTimeout(resolve))
    expect(answer).toHaveBeenCalledTimes(1)
    hls.destroy()
  })

  it('names every option, and no other', () => {
    const [, table = ''] = page.split('| option | default |')
    const [rows = ''] = table.split('\n\n')
    const options = [...rows.matchAll(/^\| `(\w+)` \| /gm)].map(([, name]) => name)
    expect(options.sort()).toEqual(
      [
        'exchange',
        'getToken',
        'keepTokenInResponseUrl',
        'origins',
        'parameter',
        'renewAhead',
        'renewOn',
        'timeoutMs',
        'transport',
      ].sort(),
    )
    const known = Object.fromEntries(options.map((name) => [name, undefined]))
    expect(() => playgate.createSession(known)).not.toThrow()
  })
})
