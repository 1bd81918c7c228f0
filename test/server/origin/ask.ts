import { Readable } from 'node:stream'
import {
  createOrigin,
  type Origin,
  type OriginAnswer,
  type OriginOptions,
  type OriginRequest,
} from '../../../server/origin/origin.ts'
import { PlaybackError } from '../../../shared/codes.ts'
import { createClock } from '../../stage/clock.ts'

/** A request for a target such as `/a/b.ts?x=1`. */
export function ask(
  target: string,
  changes: Partial<Omit<OriginRequest, 'path' | 'query'>> = {},
): OriginRequest {
  const [path = '', ...rest] = target.split('?')
  return {
    method: 'GET',
    path,
    query: rest.join('?'),
    headers: {},
    signal: new AbortController().signal,
    ...changes,
  }
}

/** An origin whose clock stands still. */
export function openOrigin(location: string, options: Partial<OriginOptions> = {}): Origin {
  return createOrigin({ location, now: createClock().now, ...options })
}

/** The whole body of an object. */
export async function bodyOf(answer: OriginAnswer): Promise<Buffer> {
  if (answer.kind === 'playlist' || answer.kind === 'json') return Buffer.from(answer.bytes)
  if (answer.kind !== 'object' || answer.body === null) return Buffer.alloc(0)
  if (!(answer.body instanceof Readable)) return Buffer.from(answer.body)
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** An answer of that kind, or a failed test. */
export function expectKind<Kind extends OriginAnswer['kind']>(
  answer: OriginAnswer,
  kind: Kind,
): Extract<OriginAnswer, { kind: Kind }> {
  if (answer.kind !== kind) throw new Error(`${kind} expected, not ${answer.kind}`)
  return answer as Extract<OriginAnswer, { kind: Kind }>
}

/** The streamed body of an object, or a failed test. */
export function streamOf(answer: OriginAnswer): Readable {
  const { body } = expectKind(answer, 'object')
  if (!(body instanceof Readable)) throw new Error('a stream expected')
  return body
}

/** What a failed request comes to, for comparison. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; status: number | null }> {
  const error = await errorOf(work)
  return { code: error.code, status: error.status }
}

/** The error of a request that must fail with one of ours. */
export async function errorOf(work: Promise<unknown>): Promise<PlaybackError> {
  try {
    await work
  } catch (error) {
    if (error instanceof PlaybackError) return error
    throw error
  }
  throw new Error('a refusal expected, not an answer')
}

export const unavailable = { code: 'ERR_ORIGIN_UNAVAILABLE', status: 502 }
export const silent = { code: 'ERR_ORIGIN_UNAVAILABLE', status: 504 }
export const unfit = { code: 'ERR_ORIGIN_PLAYLIST', status: 502 }

export const livePlaylist = '#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n'
export const endedPlaylist = `${livePlaylist}#EXT-X-ENDLIST\n`
