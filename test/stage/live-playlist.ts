import type { LiveTimeline } from './live-timeline.ts'

/** What one media playlist of the live stream shows. Sections are those of draft-pantos-hls-rfc8216bis. */
export interface LivePlaylistOptions {
  readonly timeline: LiveTimeline
  /** How many parts are complete. */
  readonly publishedParts: number
  /** Whole segments to list. */
  readonly windowSegments: number
  readonly lowLatency: boolean
  /** Was `_HLS_skip` asked for? Heeded only with `lowLatency`. */
  readonly skip: boolean
  /** The names of the other renditions. */
  readonly siblings: readonly string[]
}

/** Section 4.4.5.2: the boundary is at least six target durations from the end. */
export const skipBoundaryTargets = 6
/** Section 4.4.4.9: parts go when they are further than three target durations from the end; the third is being made. */
const wholeSegmentsWithParts = 2

export const segmentName = (segment: number): string => `segment-${segment}.m4s`
export const partName = (segment: number, part: number): string =>
  `segment-${segment}.part-${part}.m4s`

/** @returns the playlist's text; everything in it follows from the options, so equal states give equal texts */
export function writeLivePlaylist(options: LivePlaylistOptions): string {
  const { timeline, publishedParts, windowSegments, lowLatency } = options
  const { partsPerSegment, segmentSeconds, partSeconds } = timeline
  const complete = Math.floor(publishedParts / partsPerSegment)
  const first = Math.max(0, complete - windowSegments)
  const skipped = lowLatency && options.skip ? skippable(options, first) : 0

  // All parts begin with a key frame, but as from most encoders only the first of a segment says so: hls.js 1.7.4
  // stalls after a level change in the middle of a segment when it can begin there.
  const partLines = (segment: number, count: number): string[] =>
    Array.from({ length: count }, (_, part) => {
      const independent = part === 0 ? ',INDEPENDENT=YES' : ''
      return `#EXT-X-PART:DURATION=${partSeconds},URI="${partName(segment, part)}"${independent}`
    })
  const segmentLines = (segment: number): string[] => [
    `#EXT-X-PROGRAM-DATE-TIME:${dateTime(timeline, segment)}`,
    ...(lowLatency && segment >= complete - wholeSegmentsWithParts
      ? partLines(segment, partsPerSegment)
      : []),
    `#EXTINF:${segmentSeconds.toFixed(3)},`,
    segmentName(segment),
  ]
  const listed = Array.from(
    { length: complete - first - skipped },
    (_, index) => first + skipped + index,
  )
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${lowLatency ? 9 : 7}`,
    `#EXT-X-TARGETDURATION:${Math.ceil(segmentSeconds)}`,
    ...(lowLatency ? controlLines(timeline) : []),
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    // Section 5.2.5.1: a delta update leaves out the tags that stand before the boundary, the map among them.
    skipped > 0 ? `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}` : '#EXT-X-MAP:URI="init.mp4"',
    ...listed.flatMap(segmentLines),
    ...(lowLatency ? liveEdge(options, partLines) : []),
  ]
  return `${lines.join('\n')}\n`
}

/** How many of the listed segments end before the skip boundary. */
function skippable({ timeline, publishedParts }: LivePlaylistOptions, first: number): number {
  const { partSeconds, segmentSeconds } = timeline
  const boundary = publishedParts * partSeconds - skipBoundaryTargets * Math.ceil(segmentSeconds)
  return Math.max(0, Math.floor(boundary / segmentSeconds) - first)
}

function controlLines({ partSeconds, segmentSeconds }: LiveTimeline): string[] {
  const skip = (skipBoundaryTargets * Math.ceil(segmentSeconds)).toFixed(1)
  return [
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${skip},PART-HOLD-BACK=${partSeconds * 3}`,
    `#EXT-X-PART-INF:PART-TARGET=${partSeconds}`,
  ]
}

/** The parts of the segment that is being made, the hint at the next one, and how far the others are. */
function liveEdge(
  { timeline, publishedParts, siblings }: LivePlaylistOptions,
  partLines: (segment: number, count: number) => string[],
): string[] {
  const { partsPerSegment } = timeline
  const segment = Math.floor(publishedParts / partsPerSegment)
  const part = publishedParts % partsPerSegment
  const last = publishedParts - 1
  const lastMsn = Math.floor(last / partsPerSegment)
  const begun = part === 0 ? [] : [`#EXT-X-PROGRAM-DATE-TIME:${dateTime(timeline, segment)}`]
  return [
    ...begun,
    ...partLines(segment, part),
    `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${partName(segment, part)}"`,
    ...siblings.map(
      (name) =>
        `#EXT-X-RENDITION-REPORT:URI="../${name}/index.m3u8",LAST-MSN=${lastMsn},LAST-PART=${last % partsPerSegment}`,
    ),
  ]
}

function dateTime({ startMs, segmentSeconds }: LiveTimeline, segment: number): string {
  return new Date(startMs + segment * segmentSeconds * 1000).toISOString()
}
