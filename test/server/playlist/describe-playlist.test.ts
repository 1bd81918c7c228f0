import { describe, expect, it } from 'vitest'
import { describePlaylist } from '../../../server/playlist/index.ts'
import { bytes } from './bytes.ts'

const base = 'https://own.example/vod/a/index.m3u8?q=v'
const read = (text: string) => describePlaylist(bytes(text), { base })

describe('the description of a playlist', () => {
  it('lists variants and renditions, each once, in order', () => {
    const playlist = `#EXTM3U
#EXT-X-DEFINE:NAME="p",VALUE="/p"
#EXT-X-DEFINE:QUERYPARAM="q"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="audio.m3u8#x"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="c",INSTREAM-ID="CC1"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",URI=""
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes.m3u8"
#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI="images.m3u8"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="key.bin"
#EXT-X-STREAM-INF:BANDWIDTH=1
 v1.m3u8?x={$q}\t
#EXT-X-STREAM-INF:BANDWIDTH=2
{$p}/v2.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3
audio.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=4
https://cdn.example/../v3.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5
{$unknown}/v4.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6
data:text/plain,x
#EXT-X-STREAM-INF:BANDWIDTH=7
https://[
`
    expect(read(playlist)).toEqual({
      kind: 'multivariant',
      mediaPlaylists: [
        'https://own.example/vod/a/audio.m3u8',
        'https://own.example/vod/a/v1.m3u8?x=v',
        'https://own.example/p/v2.m3u8',
        'https://cdn.example/v3.m3u8',
      ],
    })
  })

  it('takes imported variables', () => {
    const playlist = '#EXTM3U\n#EXT-X-DEFINE:IMPORT="h"\n#EXT-X-STREAM-INF:A=1\nhttps://{$h}/v\n'
    const imports = { h: 'cdn.example' }
    expect(describePlaylist(bytes(playlist), { base, imports })).toEqual({
      kind: 'multivariant',
      mediaPlaylists: ['https://cdn.example/v'],
    })
  })

  it.each([
    [
      'a VOD',
      '#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na\n#EXTINF:2.5,t\nb\n#EXT-X-ENDLIST',
      8.5,
      false,
      6,
    ],
    ['a VOD by its type', '#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6\na\n', 6, false, undefined],
    [
      'an event',
      '#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION: 4 \n#EXTINF: .5,\na\n',
      0.5,
      true,
      4,
    ],
    [
      'an ended event',
      '#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:1.,\na\n#EXT-X-ENDLIST\n',
      1,
      false,
      undefined,
    ],
    ['a live one', '#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na\n', 6, true, 6],
    [
      'odd durations',
      '#EXTINF:-1,\na\n#EXTINF:x,\nb\n#EXTINF:1e9,\nc\n#EXTINF:NaN\nd\n',
      1,
      true,
      undefined,
    ],
    ['an early end', '#EXT-X-ENDLIST\n#EXTINF:3,\na\n', 3, false, undefined],
    ['nothing yet', '', 0, true, undefined],
    ['parts only', '#EXT-X-PART:DURATION=1,URI="p"\n', 0, true, undefined],
    ['a mixture', '#EXT-X-SESSION-KEY:METHOD=NONE\n#EXTINF:3,\na\n', 3, true, undefined],
    [
      'the first of two target durations',
      '#EXT-X-TARGETDURATION:6\n#EXT-X-TARGETDURATION:7\n',
      0,
      true,
      6,
    ],
    [
      'lines that only look like tags',
      '#EXTINF-X:4\n#ext-x-endlist\n # EXT-X-ENDLIST\n',
      0,
      true,
      undefined,
    ],
  ])('measures %s', (_, lines, durationSeconds, live, targetDurationSeconds) => {
    const expected = { kind: 'media', durationSeconds, live }
    expect(read(`#EXTM3U\n${lines}`)).toEqual(
      targetDurationSeconds === undefined ? expected : { ...expected, targetDurationSeconds },
    )
  })

  it.each(['', '<html>', '#EXTINF:1,\na.ts\n'])('says none of %j', (body) => {
    expect(read(body)).toEqual({ kind: 'none' })
  })

  it('names a base that is none', () => {
    expect(() => describePlaylist(bytes('#EXTM3U'), { base: 'x' })).toThrow(/^base: /)
  })
})
