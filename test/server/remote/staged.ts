import { onTestFinished } from 'vitest'
import type { AskedRequest } from '../../../server/remote/bare-request.ts'
import { judgeRemote, type RemoteOptions, remoteSchema } from '../../../server/remote/options.ts'
import { type AskedRemote, Remote } from '../../../server/remote/remote.ts'
import { createClock, type DialClock } from '../../stage/clock.ts'

export const plainText = (text: string): string => text

/** One entry of `remotes` as it comes out of a configuration. */
export function judged(entry: Record<string, unknown> = {}): RemoteOptions {
  return judgeRemote(remoteSchema.parse({ url: 'https://site.example/auth', ...entry }), plainText)
}

export interface Asked {
  readonly target?: string
  /** @default the path of `target` */
  readonly rawPath?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly cdnAddress?: string
}

/** A viewer's request for a playlist. */
export function viewerAsks({ target = '/vod/film.m3u8', headers = {}, ...rest }: Asked = {}) {
  const values = Object.entries({ host: 'video.example', ...headers })
  return {
    target,
    rawPath: target.split('?', 1)[0] ?? '',
    host: 'video.example',
    clientAddress: '192.0.2.7',
    cdnAddress: '198.51.100.2',
    headers: new Map(values.map(([name, value]) => [name, [value].flat()])),
    ...rest,
  } satisfies AskedRequest
}

export const stay = (): AbortSignal => new AbortController().signal

export interface StagedRemote {
  readonly remote: Remote
  readonly clock: DialClock
  /** What `onAsked` was told. */
  readonly reports: readonly AskedRemote[]
  /** One question, for a session or for the request itself. */
  ask(cacheKey?: string | null, asked?: Asked): ReturnType<Remote['ask']>
}

/** A remote at that URL on a clock that stands still; closed when the test ends. */
export function openRemote(url: string, entry: Record<string, unknown> = {}): StagedRemote {
  const clock = createClock()
  const reports: AskedRemote[] = []
  const options = judged({ url, timeoutMs: 500, ...entry })
  const remote = new Remote('site', options, {
    now: clock.now,
    sessionParameters: ['hdntl'],
    onAsked: (asked) => void reports.push(asked),
  })
  onTestFinished(() => remote.close())
  return {
    remote,
    clock,
    reports,
    ask: (cacheKey = null, asked) => remote.ask(viewerAsks(asked), { cacheKey, signal: stay() }),
  }
}
