import { randomBytes } from 'node:crypto'
import { listen } from '../../server/app.ts'
import { createLog } from '../../server/http/log.ts'
import { type Configuration, createPlaygate, type Playgate } from '../../server/index.ts'
import { testKey } from './start-gate.ts'

/** A line of the gate's log about one request. */
export interface LoggedRequest {
  readonly path: string
  readonly status: number
  readonly outcome: string
  readonly reason?: string
  readonly method: string
}

export interface ProtectedStream {
  readonly gate: Playgate
  /** Where the gate listens. */
  readonly origin: string
  /** Of the multivariant playlist, without a token. */
  readonly url: string
  /** What the gate answered so far. */
  readonly requests: () => LoggedRequest[]
  readonly log: readonly string[]
  /** From now on every token that was given out is refused, as after a change of keys; new ones are good. */
  revokeTokens(): void
  close(): Promise<void>
}

type RuleConfiguration = Configuration['rules'][number]

/** A gate on the machine's own clock in front of an HTTP origin; everything below `/vod` is protected. */
export async function protectStream(
  origin: string,
  session: NonNullable<RuleConfiguration['session']> = {},
  rule: Partial<RuleConfiguration> = {},
  configuration: Partial<Configuration> = {},
): Promise<ProtectedStream> {
  const log: string[] = []
  const configured = (primary: string): Configuration => ({
    keys: { vod: { primary } },
    rules: [
      {
        name: 'stream',
        match: { paths: ['/vod/*'] },
        stripPrefix: '/vod',
        origin,
        access: { format: 'edgeauth', key: 'vod' },
        session,
        ...rule,
      },
    ],
    ...configuration,
  })
  const gate = createPlaygate(configured(testKey), {
    log: createLog('info', { write: (line) => void log.push(line) }),
    environment: {},
  })
  const server = await listen(gate.callback(), { host: '127.0.0.1', port: 0 })
  return {
    gate,
    origin: server.url,
    url: `${server.url}/vod/index.m3u8`,
    log,
    requests: () =>
      log
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'request') as LoggedRequest[],
    revokeTokens: () => gate.reload(configured(randomBytes(32).toString('hex'))),
    async close() {
      await server.close(0)
      await gate.close()
    },
  }
}
