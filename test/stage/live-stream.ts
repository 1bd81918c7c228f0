import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, machineClock } from './clock.ts'
import type { LiveMaterial, LiveRendition } from './live-material.ts'
import { livePart } from './live-media.ts'
import { writeLivePlaylist } from './live-playlist.ts'
import { createLiveTimeline, type LiveTimeline } from './live-timeline.ts'
import { type LoopbackServer, listenOnLoopback } from './loopback.ts'

export interface LiveStreamOptions {
  /** What the stream goes by. @default the machine's clock */
  readonly clock?: Clock
  /** Low latency: parts, blocking reload, delta updates, hints and reports. @default true */
  readonly lowLatency?: boolean
  /** Whole segments that a playlist lists. More than six, or delta updates have nothing to skip. @default 12 */
  readonly windowSegments?: number
  /** When the stream began. @default so long ago that the window is full */
  readonly startMs?: number
  /** Let scripts of any origin read the answers; off where a server in front has to do that. @default false */
  readonly cors?: boolean
}

/** What the stream was asked, as it came. */
export interface LiveRequest {
  readonly method: string
  /** With the query, exactly as it stood in the request line. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly atMs: number
  /** What it was answered with; null as long as it is held, and where the asker left before. */
  status: number | null
}

export interface LiveStream extends LoopbackServer {
  /** The URL of the multivariant playlist. */
  readonly url: string
  readonly timeline: LiveTimeline
  readonly requests: readonly LiveRequest[]
}

interface Answer {
  readonly status: number
  readonly body: string | Buffer
  readonly type: string
  readonly maxAgeSeconds: number
}

const playlistType = 'application/vnd.apple.mpegurl'

/** An answer instead of the one asked for. */
function refusal(status: number, body: string): Answer {
  return { status, body, type: 'text/plain', maxAgeSeconds: 0 }
}

/** The number that a delivery directive gives; null when it is not there, NaN when it is no number. */
function directive(query: URLSearchParams, name: string): number | null {
  const value = query.get(name)
  if (value === null) return null
  return /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
}

/**
 * An origin with a live stream that never ends: an LL-HLS one with all that hls.js makes use of, or a plain one.
 * The material must be longer than the window.
 */
export async function startLiveStream(
  material: LiveMaterial,
  options: LiveStreamOptions = {},
): Promise<LiveStream> {
  const { clock = machineClock, lowLatency = true, windowSegments = 12, cors = false } = options
  const { partSeconds, partsPerSegment, renditions } = material
  const windowMs = windowSegments * partsPerSegment * partSeconds * 1000
  const startMs = options.startMs ?? clock.now() - windowMs
  const timeline = createLiveTimeline({ startMs, partSeconds, partsPerSegment })
  const requests: LiveRequest[] = []
  const published = (): number => timeline.publishedParts(clock.now())

  function multivariant(): Answer {
    const variants = renditions.flatMap(({ name, width, height, bandwidth, codec }) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="${codec}",RESOLUTION=${width}x${height}`,
      `${name}/index.m3u8`,
    ])
    const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS', ...variants]
    return { status: 200, body: `${lines.join('\n')}\n`, type: playlistType, maxAgeSeconds: 60 }
  }

  async function playlist(
    { name }: LiveRendition,
    query: URLSearchParams,
    gone: AbortSignal,
  ): Promise<Answer> {
    const sequence = directive(query, '_HLS_msn')
    const part = directive(query, '_HLS_part')
    const blocking = lowLatency && sequence !== null
    if (lowLatency) {
      if (Number.isNaN(sequence) || Number.isNaN(part)) return refusal(400, 'not a number')
      if (part !== null && sequence === null) return refusal(400, '_HLS_part without _HLS_msn')
    }
    if (blocking) {
      // Section 6.2.5.2: further ahead than two segments is a mistake; a part behind the last one of its segment
      // is the first of the next segment; without a part the whole segment is waited for.
      if (sequence > published() / partsPerSegment + 2) return refusal(400, 'too far ahead')
      const inSegment = Math.min(part ?? partsPerSegment - 1, partsPerSegment)
      const awaited = sequence * partsPerSegment + inSegment
      await clock.whenReached(timeline.partReadyMs(awaited), gone)
    }
    const body = writeLivePlaylist({
      timeline,
      publishedParts: published(),
      windowSegments,
      lowLatency,
      skip: query.has('_HLS_skip'),
      siblings: renditions.map((rendition) => rendition.name).filter((other) => other !== name),
    })
    // Appendix B.1: an answer to a blocking request may be kept for six target durations, another one not.
    const maxAgeSeconds = blocking ? 6 * Math.ceil(timeline.segmentSeconds) : 1
    return { status: 200, body, type: playlistType, maxAgeSeconds }
  }

  async function media(
    rendition: LiveRendition,
    segment: number,
    part: number | null,
    gone: AbortSignal,
  ): Promise<Answer> {
    const first = segment * partsPerSegment + (part ?? 0)
    const count = part === null ? partsPerSegment : 1
    const isHinted = lowLatency && part !== null && first === published()
    // Appendix B.1: a request for the hinted part is held until the part is there.
    if (isHinted) await clock.whenReached(timeline.partReadyMs(first), gone)
    const tooOld = published() / partsPerSegment - segment > 2 * windowSegments + 1
    if (tooOld || first + count > published() || (part !== null && part >= partsPerSegment)) {
      return refusal(404, 'not there')
    }
    const bytes = Array.from({ length: count }, (_, index) =>
      livePart(rendition, first + index, partSeconds),
    )
    return { status: 200, body: Buffer.concat(bytes), type: 'video/mp4', maxAgeSeconds: 60 }
  }

  function answer(
    path: string,
    query: URLSearchParams,
    gone: AbortSignal,
  ): Promise<Answer> | Answer {
    if (path === '/index.m3u8') return multivariant()
    const [, folder, name = ''] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    const rendition = renditions.find((candidate) => candidate.name === folder)
    if (rendition === undefined) return refusal(404, 'not there')
    if (name === 'index.m3u8') return playlist(rendition, query, gone)
    if (name === 'init.mp4') {
      return { status: 200, body: rendition.init, type: 'video/mp4', maxAgeSeconds: 60 }
    }
    const [, segment, part] = /^segment-(\d{1,9})(?:\.part-(\d))?\.m4s$/.exec(name) ?? []
    if (segment === undefined) return refusal(404, 'not there')
    if (part !== undefined && !lowLatency) return refusal(404, 'no parts here')
    return media(rendition, Number(segment), part === undefined ? null : Number(part), gone)
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const record: LiveRequest = { method, path, headers, atMs: clock.now(), status: null }
    requests.push(record)
    const { pathname, searchParams } = new URL(path, 'http://live')
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('the asker left')))
    const found = ['GET', 'HEAD'].includes(method)
      ? await answer(pathname, searchParams, gone.signal)
      : refusal(405, 'GET and HEAD only')
    record.status = found.status
    response.writeHead(found.status, {
      'Content-Type': found.type,
      'Content-Length': Buffer.byteLength(found.body),
      'Cache-Control': found.maxAgeSeconds > 0 ? `max-age=${found.maxAgeSeconds}` : 'no-store',
      ...(cors ? { 'Access-Control-Allow-Origin': '*' } : {}),
    })
    response.end(method === 'HEAD' ? undefined : found.body)
  }

  const server = await listenOnLoopback(handle)
  return { ...server, url: `${server.origin}/index.m3u8`, timeline, requests }
}
