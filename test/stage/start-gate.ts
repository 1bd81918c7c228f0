import { onTestFinished } from 'vitest'
import { listen } from '../../server/app.ts'
import { createLog } from '../../server/http/log.ts'
import { type Configuration, createPlaygate, type Playgate } from '../../server/index.ts'
import { createClock, type DialClock } from './clock.ts'
import { type FakeOrigin, type OriginHandler, startFakeOrigin } from './fake-origin.ts'

/** Good enough for a test, and in no documentation. */
export const testKey = '5f0c1d7a9be24e63a8d1f3b07c9e2a4d5f0c1d7a9be24e63a8d1f3b07c9e2a4e'
export const otherKey = '9a1b64c0de7f42f5b3c8e6a7d5f01928374655647382910aabfecd0123987654'

export const multivariant = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=800000
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1600000
high/index.m3u8
`

/** Twelve seconds of three segments with a key and an init section. */
export const media = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="key.bin"
#EXTINF:4,
1.m4s
#EXTINF:4,
2.m4s
#EXTINF:4,
3.m4s
#EXT-X-ENDLIST
`

export const playlistType = 'application/vnd.apple.mpegurl'

/** Answers with a body of that type. */
export function body(text: string, type = playlistType): OriginHandler {
  return (_request, response) => {
    response.writeHead(200, { 'Content-Type': type }).end(text)
  }
}

/** A film below `/film`: multivariant, two media playlists, segments, a key. */
export const filmRoutes: Readonly<Record<string, OriginHandler>> = {
  '/film/index.m3u8': body(multivariant),
  '/film/low/index.m3u8': body(media),
  '/film/high/index.m3u8': body(media),
  '/film/low/1.m4s': body('segment one', 'video/iso.segment'),
  '/film/low/init.mp4': body('init', 'video/mp4'),
  '/film/low/key.bin': body('0123456789abcdef', 'application/octet-stream'),
  '/other/index.m3u8': body(media),
}

type RuleConfiguration = Configuration['rules'][number]

export interface StagedGate {
  readonly gate: Playgate
  readonly origin: FakeOrigin
  readonly clock: DialClock
  readonly url: string
  readonly host: string
  readonly port: number
  /** Every line of the log so far. */
  readonly log: readonly string[]
  /** An access token of the film rule. */
  mint(options?: {
    path?: string | string[]
    ttlSeconds?: number
    ip?: string
    subject?: string
    payload?: string
  }): string
  /** A request with the headers of a viewer; paths are sent as they are. */
  ask(path: string, init?: AskInit): Promise<Answer>
}

export interface AskInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly problem: { readonly reason?: string; readonly renew?: boolean; readonly status?: number }
}

export interface StageOptions {
  /** Changes to the one rule, `film`, over `/vod/*`. */
  readonly rule?: Partial<RuleConfiguration>
  readonly session?: RuleConfiguration['session'] | null
  readonly access?: Record<string, unknown>
  readonly configuration?: Partial<Configuration>
  readonly routes?: Readonly<Record<string, OriginHandler>>
  /** What the clock shows at first, in milliseconds. For a store that has a clock of its own: now. */
  readonly startMs?: number
}

export const viewer = { 'User-Agent': 'Viewer/1.0' }

/** A gate in front of a fake origin, on real sockets and a clock that stands still; closed when the test ends. */
export async function startGate(options: StageOptions = {}): Promise<StagedGate> {
  const origin = await startFakeOrigin({ ...filmRoutes, ...options.routes })
  const clock = createClock(options.startMs)
  const log: string[] = []
  const rule: RuleConfiguration = {
    name: 'film',
    match: { paths: ['/vod/*'] },
    stripPrefix: '/vod',
    origin: origin.url,
    access: { format: 'edgeauth', key: 'vod', ...options.access } as RuleConfiguration['access'],
    ...(options.session !== null && { session: options.session ?? {} }),
    ...options.rule,
  }
  const gate = createPlaygate(
    { keys: { vod: { primary: testKey } }, rules: [rule], ...options.configuration },
    {
      now: clock.now,
      log: createLog('trace', { write: (line) => void log.push(line) }),
      environment: {},
    },
  )
  const server = await listen(gate.callback(), { host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await server.close(0)
    await gate.close()
    // A test may have closed it already, to see what happens then.
    await origin.close().catch(() => undefined)
  })
  const { hostname: host, port } = new URL(server.url)
  return {
    gate,
    origin,
    clock,
    log,
    url: server.url,
    host,
    port: Number(port),
    mint: ({ path = '/vod/film/*', ttlSeconds = 300, ...rest } = {}) =>
      gate.mint({ path, ttlSeconds, ...rest }),
    ask: async (path, init = {}) => {
      const response = await fetch(server.url + path, {
        method: init.method ?? 'GET',
        headers: { ...viewer, ...init.headers },
        redirect: 'manual',
        ...(init.body !== undefined && { body: init.body }),
      })
      const text = await response.text()
      const isProblem =
        text !== '' && response.headers.get('content-type') === 'application/problem+json'
      const problem = (isProblem ? JSON.parse(text) : {}) as Answer['problem']
      return { status: response.status, headers: response.headers, text, problem }
    },
  }
}

/** The session token of an answer that opened a session. */
export function sessionTokenOf(answer: Answer): string {
  const token = /token="([^"]+)"/.exec(answer.headers.get('playgate-session') ?? '')?.[1]
  if (token === undefined) throw new Error(`no session was opened: ${answer.status} ${answer.text}`)
  return token
}
