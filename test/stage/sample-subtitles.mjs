/** Longer than the picture's segments on purpose: nothing asks for renditions to be cut alike. */
export const subtitleSegmentSeconds = 12
const cueSeconds = 4

/** One cue after the other, each for four seconds. */
const cues = [
  "This is Playgate's sample stream.",
  'Two sizes of picture, sound on its own, and these words.',
  'The ring fills once for each segment of four seconds.',
  'The larger picture is encrypted with AES-128,',
  'and its key changes half-way, at 24 seconds.',
  'Playlists, init sections, segments, keys, words:',
  'a player asks for each of them on its own.',
  'Every one of those requests needs the session token.',
  'The link alone opens nothing: try it in another browser.',
  "Picture and sound come from ffmpeg's own test sources,",
  'and a script in the repository makes them again.',
  'That was the whole stream. Thank you for watching.',
]

/** @param {number} seconds below an hour */
function timestamp(seconds) {
  const minutes = String(Math.floor(seconds / 60)).padStart(2, '0')
  return `00:${minutes}:${String(seconds % 60).padStart(2, '0')}.000`
}

/**
 * The WebVTT segments, in order. RFC 8216 section 3.5 asks for the X-TIMESTAMP-MAP header in each.
 *
 * @param {number} lengthSeconds of the whole stream
 * @returns {string[]}
 */
export function subtitleSegments(lengthSeconds) {
  const perSegment = subtitleSegmentSeconds / cueSeconds
  return Array.from({ length: lengthSeconds / subtitleSegmentSeconds }, (_, segment) => {
    const blocks = cues
      .slice(segment * perSegment, (segment + 1) * perSegment)
      .map((text, index) => {
        const start = segment * subtitleSegmentSeconds + index * cueSeconds
        return `${timestamp(start)} --> ${timestamp(start + cueSeconds)}\n${text}\n`
      })
    return `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n${blocks.join('\n')}`
  })
}
