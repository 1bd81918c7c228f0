import { describe, expect, it } from 'vitest'
import { compilePlaylist } from '../../../server/playlist/index.ts'
import { isKnownTag, uriTable } from '../../../server/playlist/uri-table.ts'
import { bytes } from './bytes.ts'
import { base, parameter, rewrite, token } from './rewrite.ts'

/** One line for each row of the table; `<>` marks where the token goes. */
const fixtures: Readonly<Record<string, readonly string[]>> = {
  'EXT-X-KEY': [
    '#EXT-X-KEY:METHOD=AES-128,URI="key.bin<>",IV=0x00000000000000000000000000000001',
    '#EXT-X-KEY:URI="https://own.example/key?id=1<>",METHOD=SAMPLE-AES,KEYFORMAT="identity"',
  ],
  'EXT-X-MAP': ['#EXT-X-MAP:URI="init.mp4<>",BYTERANGE="800@0"'],
  'EXT-X-PART': ['#EXT-X-PART:DURATION=0.33,URI="part.1.m4s<>",BYTERANGE="100@0",INDEPENDENT=YES'],
  'EXT-X-PRELOAD-HINT': [
    '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part.2.m4s<>"',
    '#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="init.mp4<>"',
    '#EXT-X-PRELOAD-HINT:TYPE=KEY,URI="key.bin<>"',
  ],
  'EXT-X-RENDITION-REPORT': ['#EXT-X-RENDITION-REPORT:URI="../1M/x.m3u8<>",LAST-MSN=3,LAST-PART=1'],
  'EXT-X-DATERANGE': [
    '#EXT-X-DATERANGE:ID="a",CLASS="com.apple.hls.interstitial",X-ASSET-URI="ad.m3u8<>"',
    '#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="list.json?x=1<>",X-RESUME-OFFSET=0',
    '#EXT-X-DATERANGE:ID="a",CLASS="com.apple.hls.daterange-schedule",X-URI="s.json<>"',
    '#EXT-X-DATERANGE:ID="a",X-ASSET-URI="a.m3u8<>",X-ASSET-URI="b.m3u8<>"',
  ],
  'EXT-X-MEDIA': ['#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="URI=x, y",URI="audio/a.m3u8<>"'],
  'EXT-X-I-FRAME-STREAM-INF': ['#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8<>"'],
  'EXT-X-IMAGE-STREAM-INF': ['#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI="thumbs.m3u8<>"'],
  'EXT-X-SESSION-DATA': ['#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="c.json<>"'],
  'EXT-X-SESSION-KEY': ['#EXT-X-SESSION-KEY:METHOD=AES-128,URI="key.bin<>"'],
  'EXT-X-CONTENT-STEERING': ['#EXT-X-CONTENT-STEERING:SERVER-URI="/steer<>",PATHWAY-ID="A"'],
  'EXT-X-PREFETCH': ['#EXT-X-PREFETCH:next.ts<>', '#EXT-X-PREFETCH: next.ts<> '],
  'EXT-X-TWITCH-PREFETCH': ['#EXT-X-TWITCH-PREFETCH:https://own.example/next.ts<>'],
}

/** Lines that look as if they held a URI of ours, and must not change. */
const untouched = [
  '#EXT-X-KEY:METHOD=NONE,URI="key.bin"',
  '#EXT-X-KEY:URI="key.bin",METHOD=NONE',
  '#EXT-X-SESSION-KEY:METHOD=NONE,URI="key.bin"',
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://own.example/key"',
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="data:text/plain;base64,AAAA"',
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="urn:uuid:edef8ba9"',
  '#EXT-X-KEY:METHOD=AES-128,URI="https://evil.example/key"',
  '#EXT-X-KEY:METHOD=AES-128,URI=""',
  '#EXT-X-KEY:METHOD=AES-128,URI="  "',
  '#EXT-X-KEY:METHOD=AES-128,URI=key.bin',
  "#EXT-X-KEY:METHOD=AES-128,URI='key.bin'",
  '#EXT-X-KEY:METHOD=AES-128,URI="key.bin',
  '#EXT-X-KEY:METHOD=AES-128,URI="key.bin"x',
  '#EXT-X-KEY:METHOD=AES-128,uri="key.bin"',
  '#EXT-X-KEY:METHOD=AES-128,X-URI="key.bin"',
  '#EXT-X-KEY:METHOD=AES-128,KEYFORMAT="URI=x,URI=y"',
  '#ext-x-key:METHOD=AES-128,URI="key.bin"',
  '#EXT-X-KEYS:METHOD=AES-128,URI="key.bin"',
  '#EXT-X-KEY METHOD=AES-128,URI="key.bin"',
  ' #EXT-X-KEY:METHOD=AES-128,URI="key.bin"',
  '\t#EXTINF:1,',
  '# EXT-X-KEY:METHOD=AES-128,URI="key.bin"',
  '##EXT-X-KEY:METHOD=AES-128,URI="key.bin"',
  '#seg.ts',
  '#',
  '   ',
  '\u00c2\u00a0',
  '#EXT-X-DATERANGE:ID="a",X-COM-EXAMPLE-URL="https://own.example/x",URI="x",ASSET-URI="y"',
  '#EXT-X-DEFINE:NAME="u",VALUE="https://own.example/x"',
  '#EXT-X-SESSION-DATA:DATA-ID="a",VALUE="https://own.example/x"',
  '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="c",INSTREAM-ID="CC1"',
  '#EXT-X-CONTENT-STEERING:SERVER-URI="data:application/json,{}",PATHWAY-ID="A"',
  '#EXT-X-STREAM-INF:BANDWIDTH=1,URI="v.m3u8"',
  '#EXT-X-FAXS-CM:URI="drm.bin"',
  '#EXT-X-ASSET:CAID=0x1,URI="a"',
  '#EXT-X-CUE-OUT:URI="a"',
  '#EXT-OATCLS-SCTE35:URI="a"',
  '#EXT-X-SCTE35:URI="a"',
  '#EXT-X-SKIP:SKIPPED-SEGMENTS=3,URI="a"',
  '#EXT-X-SERVER-CONTROL:URI="a"',
  '#EXT-X-PART-INF:URI="a"',
  '#EXT-X-BYTERANGE:100@0',
  '#EXT-X-TILES:RESOLUTION=1x1,LAYOUT=1x1,DURATION=1,URI="a"',
  '#EXT-X-UNKNOWN:URI="a"',
  '#EXTVLCOPT:http-referrer=https://own.example/',
  '#KODIPROP:license_key=https://own.example/',
  '#EXTINF:-1 tvg-logo="https://own.example/l.png",URI="a"',
  '#EXTINF:1,seg.ts',
  '#EXT-X-PREFETCH:',
  '#EXT-X-PREFETCH:https://evil.example/x',
]

describe('the table of URIs', () => {
  it('has a fixture for each row, and a source', () => {
    expect(Object.keys(fixtures).sort()).toEqual(uriTable.map(({ tag }) => tag).sort())
    for (const { source } of uriTable) expect(source).not.toBe('')
  })

  it.each(Object.values(fixtures).flat())('%s', (line) => {
    const playlist = (inserted: string) => `#EXTM3U\n${line.replaceAll('<>', inserted)}\n`
    const has = /\?[^"]*<>/.test(line)
    expect(rewrite(playlist(''))).toBe(playlist(`${has ? '&' : '?'}hdntl=${token}`))
  })

  it.each(untouched)('leaves %j', (line) => {
    for (const mode of ['query', 'path', 'define'] as const) {
      const playlist = `#EXTM3U\n${line}\n`
      expect(rewrite(playlist, { mode })).toBe(playlist)
    }
  })

  it('reaches the URI line behind comments, blanks and other tags', () => {
    const playlist = (t: string) =>
      `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\n# no\n#EXT-X-UNKNOWN\n \nv.m3u8${t}\n#EXT-X-GAP\ns.ts${t}`
    expect(rewrite(playlist(''))).toBe(playlist(`?hdntl=${token}`))
  })

  it('counts tags it does not know, each once', () => {
    const body = bytes('#EXTM3U\n#EXT-X-NEW:URI="a"\n#EXT-X-NEW\n#EXT-Y\n#EXT-X-MAP:URI="i"\n#c\n')
    const { unknownTags, uriCount } = compilePlaylist(body, { base, parameter, mode: 'query' })
    expect(unknownTags).toEqual(['EXT-X-NEW', 'EXT-Y'])
    expect(uriCount).toBe(1)
  })

  it('bounds the unknown tags it remembers', () => {
    const tags = Array.from({ length: 1000 }, (_, index) => `#EXT-X-NEW-${index}\n`)
    const compiled = compilePlaylist(bytes(`#EXTM3U\n${tags.join('')}`), {
      base,
      parameter,
      mode: 'query',
    })
    expect(compiled.unknownTags).toHaveLength(32)
  })

  it('knows every tag of the drafts, so that a new one is noticed', () => {
    const drafts = `EXTM3U EXTINF EXT-X-VERSION EXT-X-INDEPENDENT-SEGMENTS EXT-X-START EXT-X-DEFINE
      EXT-X-TARGETDURATION EXT-X-MEDIA-SEQUENCE EXT-X-DISCONTINUITY-SEQUENCE EXT-X-ENDLIST
      EXT-X-PLAYLIST-TYPE EXT-X-I-FRAMES-ONLY EXT-X-PART-INF EXT-X-SERVER-CONTROL EXT-X-BYTERANGE
      EXT-X-DISCONTINUITY EXT-X-KEY EXT-X-MAP EXT-X-PROGRAM-DATE-TIME EXT-X-GAP EXT-X-BITRATE
      EXT-X-PART EXT-X-DATERANGE EXT-X-SKIP EXT-X-PRELOAD-HINT EXT-X-RENDITION-REPORT EXT-X-MEDIA
      EXT-X-STREAM-INF EXT-X-I-FRAME-STREAM-INF EXT-X-SESSION-DATA EXT-X-SESSION-KEY
      EXT-X-CONTENT-STEERING`
    expect(drafts.split(/\s+/).filter((tag) => !isKnownTag(tag))).toEqual([])
  })
})
