/** What of a tag is a URI that a player fetches. */
export interface UriRow {
  readonly tag: string
  /** Attributes whose quoted value is a URI; `'value'`: everything behind the colon is one. */
  readonly uris: readonly string[] | 'value'
  /** The attribute and value with which the tag names no resource, whatever its URI says. */
  readonly unless?: readonly [attribute: string, value: string]
  readonly source: string
}

/**
 * The allow-list: every place but the URI lines where a token may go (spec/manifest-uris section 1, threat
 * T67). Attributes not named here belong to applications, however much they look like URLs.
 */
export const uriTable: readonly UriRow[] = [
  {
    tag: 'EXT-X-KEY',
    uris: ['URI'],
    unless: ['METHOD', 'NONE'],
    source: 'RFC 8216 section 4.3.2.4',
  },
  { tag: 'EXT-X-MAP', uris: ['URI'], source: 'RFC 8216 section 4.3.2.5' },
  {
    tag: 'EXT-X-DATERANGE',
    // X-ASSET-*: whatever the CLASS says, since tags with the same ID are merged.
    uris: ['X-ASSET-URI', 'X-ASSET-LIST', 'X-URI'],
    source: 'draft-pantos-hls-rfc8216bis section 4.4.5.1, appendices D, F and H',
  },
  { tag: 'EXT-X-PART', uris: ['URI'], source: 'draft-pantos-hls-rfc8216bis section 4.4.4.9' },
  {
    tag: 'EXT-X-PRELOAD-HINT',
    uris: ['URI'],
    source: 'draft-pantos-hls-rfc8216bis section 4.4.5.3',
  },
  {
    tag: 'EXT-X-RENDITION-REPORT',
    uris: ['URI'],
    source: 'draft-pantos-hls-rfc8216bis section 4.4.5.4',
  },
  { tag: 'EXT-X-MEDIA', uris: ['URI'], source: 'RFC 8216 section 4.3.4.1' },
  { tag: 'EXT-X-I-FRAME-STREAM-INF', uris: ['URI'], source: 'RFC 8216 section 4.3.4.3' },
  {
    tag: 'EXT-X-IMAGE-STREAM-INF',
    uris: ['URI'],
    source: 'HLS image media playlist specification 0.4, outside the drafts; hls.js, Shaka',
  },
  { tag: 'EXT-X-SESSION-DATA', uris: ['URI'], source: 'RFC 8216 section 4.3.4.4' },
  {
    tag: 'EXT-X-SESSION-KEY',
    uris: ['URI'],
    unless: ['METHOD', 'NONE'],
    source: 'RFC 8216 section 4.3.4.5',
  },
  {
    tag: 'EXT-X-CONTENT-STEERING',
    uris: ['SERVER-URI'],
    source: 'draft-pantos-hls-rfc8216bis section 4.4.6.6, draft-pantos-content-steering',
  },
  { tag: 'EXT-X-PREFETCH', uris: 'value', source: 'LHLS community proposal' },
  { tag: 'EXT-X-TWITCH-PREFETCH', uris: 'value', source: 'Twitch low-latency playlists' },
]

/** Tags that are known to name nothing a player fetches with a token of ours. */
const tagsWithoutUri: readonly string[] = [
  // RFC 8216 section 4.3
  'EXTM3U',
  'EXTINF',
  'EXT-X-VERSION',
  'EXT-X-BYTERANGE',
  'EXT-X-DISCONTINUITY',
  'EXT-X-PROGRAM-DATE-TIME',
  'EXT-X-TARGETDURATION',
  'EXT-X-MEDIA-SEQUENCE',
  'EXT-X-DISCONTINUITY-SEQUENCE',
  'EXT-X-ENDLIST',
  'EXT-X-PLAYLIST-TYPE',
  'EXT-X-I-FRAMES-ONLY',
  'EXT-X-STREAM-INF',
  'EXT-X-INDEPENDENT-SEGMENTS',
  'EXT-X-START',
  'EXT-X-ALLOW-CACHE',
  // draft-pantos-hls-rfc8216bis section 4.4
  'EXT-X-DEFINE',
  'EXT-X-GAP',
  'EXT-X-BITRATE',
  'EXT-X-PART-INF',
  'EXT-X-SERVER-CONTROL',
  'EXT-X-SKIP',
  // In the wild; their values are no URIs, or not ours to touch (spec/manifest-uris section 1)
  'EXT-X-TILES',
  'EXT-X-IMAGES-ONLY',
  'EXT-X-FAXS-CM',
  'EXT-X-ASSET',
  'EXT-X-CUE',
  'EXT-X-CUE-OUT',
  'EXT-X-CUE-OUT-CONT',
  'EXT-X-CUE-IN',
  'EXT-OATCLS-SCTE35',
  'EXT-X-SCTE35',
]

/** The row of a tag, by its name without `#`. */
export const uriRows: ReadonlyMap<string, UriRow> = new Map(uriTable.map((row) => [row.tag, row]))

const known: ReadonlySet<string> = new Set([...uriRows.keys(), ...tagsWithoutUri])

/** Is this tag, named without `#`, one whose URIs have been thought about? */
export function isKnownTag(tag: string): boolean {
  return known.has(tag)
}
