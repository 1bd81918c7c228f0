import type { HlsConfig, Loader, LoaderCallbacks, LoaderContext } from 'hls.js'
import { describe, expect, it } from 'vitest'
import { attemptKinds, describeAttempt, describeReason } from '../../player/demo/attempt.ts'
import { recordRequests } from '../../player/demo/recording-loader.ts'
import {
  carriedToken,
  changedPart,
  kindOf,
  type RequestRecord,
  shortPath,
  tokenMark,
} from '../../player/demo/requests.ts'
import { SiteError } from '../../player/demo/site.ts'
import { formatDuration, formatLeft, readableMoments } from '../../player/demo/time.ts'
import { explainToken, readableValue } from '../../player/demo/token-text.ts'
import { troubleOf } from '../../player/demo/trouble.ts'
import { reasons } from '../../shared/codes.ts'

const sessionToken = 'exp=1700000000~acl=/vod/sample/*~id=s1~data=hdntl~hmac=00aa11bb22cc33dd'
const link = `/vod/sample/v540/segment-03.m4s?a=1&hdntl=${sessionToken}`

describe('the log of the demo page', () => {
  it.each([
    [{ type: 'manifest' }, 'multivariant'],
    [{ type: 'level' }, 'playlist'],
    [{ type: 'audioTrack' }, 'playlist'],
    [{ type: 'subtitleTrack' }, 'playlist'],
    [{ type: 'key', frag: { sn: 4, type: 'main' } }, 'key'],
    [{ type: 'media-fragment', frag: { sn: 'initSegment', type: 'audio' } }, 'init'],
    [{ type: 'media-fragment', frag: { sn: 4, type: 'main' } }, 'video'],
    [{ type: 'media-fragment', frag: { sn: 4, type: 'audio' } }, 'audio'],
    [{ type: 'media-fragment', frag: { sn: 4, type: 'subtitle' } }, 'subtitles'],
    [{ type: 'steering-manifest' }, 'other'],
  ] as const)('takes %j for %s', (context, kind) => {
    expect(kindOf(context)).toBe(kind)
  })

  it('shows a link without its token, and of the token the end of the signature', () => {
    expect(shortPath(link)).toBe('v540/segment-03.m4s?a=1')
    expect(shortPath(`/vod/sample/index.m3u8?hdntl=${sessionToken}`)).toBe('index.m3u8')
    expect(carriedToken(link)).toEqual({
      kind: 'session',
      name: 'hdntl',
      token: sessionToken,
    })
    expect(carriedToken('/vod/sample/index.m3u8?hdnts=exp=1~hmac=ff')?.kind).toBe('access')
    expect(carriedToken('/vod/sample/index.m3u8')).toBeNull()
    expect(tokenMark(sessionToken)).toBe('cc33dd')
  })

  it.each([
    ['/vod/sample/a.m4s?t=1', '/vod/another/i.m3u8?t=1', '/vod/', 'another/i.m3u8', '?t=1'],
    ['hmac=00aa', 'hmac=00ab', 'hmac=00a', 'b', ''],
    ['same', 'same', 'same', '', ''],
    ['aa', 'aaa', 'aa', 'a', ''],
  ])('finds what was changed from %s to %s', (original, text, before, changed, after) => {
    expect(changedPart(original, text)).toEqual({ before, changed, after })
  })
})

describe('the recorder below the session', () => {
  function loaderThat(answer: (callbacks: LoaderCallbacks<LoaderContext>) => void) {
    return class {
      context = null
      stats = {}
      destroy() {}
      abort() {}
      load(_context: LoaderContext, _configuration: object, callbacks: never) {
        answer(callbacks)
      }
    } as unknown as { new (configuration: HlsConfig): Loader<LoaderContext> }
  }

  const context = { url: `https://video.example${link}`, type: 'key', responseType: 'arraybuffer' }

  it.each([
    ['an answer', 200, 'onSuccess', [{ code: 200 }]],
    ['a refusal', 403, 'onError', [{ code: 403, text: '' }]],
    ['silence', 0, 'onTimeout', []],
  ] as const)('tells of %s, and hands it on', (_name, status, callback, args) => {
    const told: RequestRecord[] = []
    const heard: string[] = []
    let clock = 100
    const Base = loaderThat((callbacks) => {
      clock += 40
      ;(callbacks[callback] as (...args: readonly unknown[]) => void)(...args)
    })
    const Recording = recordRequests(
      Base,
      (record) => told.push(record),
      () => clock,
    )
    const hear = (name: string) => () => heard.push(name)
    new Recording({} as HlsConfig).load(
      context as unknown as LoaderContext,
      {} as never,
      {
        onSuccess: hear('onSuccess'),
        onError: hear('onError'),
        onTimeout: hear('onTimeout'),
      } as unknown as LoaderCallbacks<LoaderContext>,
    )
    expect(told).toEqual([{ kind: 'key', url: link, status, ms: 40 }])
    expect(heard).toEqual([callback])
  })
})

describe('the words of the demo page', () => {
  it('takes a token apart at the first equals sign of each field', () => {
    const fields = explainToken(
      'exp=17~acl=%2fa%2f*!/b~id=x=y~hmac=00112233445566778899',
      'session',
    )
    expect(fields.map(({ name }) => name)).toEqual(['exp', 'acl', 'id', 'hmac'])
    expect(fields.map(readableValue)).toEqual(['17', '/a/*  or  /b', 'x=y', '00112233…778899'])
  })

  it.each(Object.keys(reasons))('has words of its own for the reason %s', (reason) => {
    expect(describeReason(reason)).not.toBe(describeReason('no such reason'))
  })

  it.each(attemptKinds)('says of %s what it should mean and what it should not', (kind) => {
    const opened = describeAttempt(kind, 200, null)
    expect(opened.includes('should not have')).toBe(kind !== 'same')
    const unexpected = describeAttempt(kind, 502, 'origin-unavailable')
    expect(unexpected).toContain(describeReason('origin-unavailable'))
  })

  it('tells a server that is down from a server that refuses', () => {
    const down = troubleOf(new SiteError(0))
    expect(down.title).toContain('does not answer')
    expect(troubleOf(new SiteError(403, 'policy-refused')).advice).toBe(
      describeReason('policy-refused'),
    )
    expect(troubleOf(new Error('late'), { denied: 'session-ended' }).advice).toBe(
      describeReason('session-ended'),
    )
    expect(troubleOf(new DOMException('', 'NotAllowedError')).remedy).toBe('play')
  })

  it.each([
    [0, '0:00'],
    [-3, '0:00'],
    [0.2, '0:01'],
    [59.01, '1:00'],
    [348, '5:48'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatLeft(seconds)).toBe(text)
  })

  it('writes moments as times of day and leaves other numbers alone', () => {
    const text = readableMoments('good until 1700000000, 42 of 17000000001')
    expect(text).toMatch(/^good until \d.*:\d\d.*, 42 of 17000000001$/)
    expect(readableMoments('until 2023-11-14T22:13:20.000Z, primary')).toBe(
      readableMoments('until 1700000000, primary'),
    )
    expect(formatDuration(0.3)).toBe('1 ms')
    expect(formatDuration(1240)).toBe('1.2 s')
  })
})
