/** When the parts and segments of a live stream come to be. All numbers count from the start of the stream. */
export interface LiveTimeline {
  readonly startMs: number
  readonly partSeconds: number
  readonly partsPerSegment: number
  readonly segmentSeconds: number
  /** How many parts are complete at that time; their numbers are 0 to one less. */
  publishedParts(atMs: number): number
  /** When the part of that number is complete. */
  partReadyMs(part: number): number
}

interface TimelineOptions {
  readonly startMs: number
  readonly partSeconds: number
  readonly partsPerSegment: number
}

export function createLiveTimeline(options: TimelineOptions): LiveTimeline {
  const { startMs, partSeconds, partsPerSegment } = options
  const partMs = partSeconds * 1000
  return {
    ...options,
    segmentSeconds: partSeconds * partsPerSegment,
    publishedParts: (atMs) => Math.max(0, Math.floor((atMs - startMs) / partMs)),
    partReadyMs: (part) => startMs + (part + 1) * partMs,
  }
}
