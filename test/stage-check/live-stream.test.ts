import { parse, types } from 'hls-parser'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClock, type DialClock } from '../stage/clock.ts'
import { type LiveMaterial, loadLiveMaterial } from '../stage/live-material.ts'
import { type LiveStream, type LiveStreamOptions, startLiveStream } from '../stage/live-stream.ts'
import { describeWith } from '../stage/tools.ts'

/** Segments of 2 s in a window of 8; the stream is 16 s old when a test begins, so that segment 7 is the last. */
const windowSegments = 8

describeWith(['ffmpeg'], 'the live stream', () => {
  let material: LiveMaterial
  let clock: DialClock
  let live: LiveStream

  beforeAll(async () => {
    material = await loadLiveMaterial()
  }, 60_000)

  beforeEach(() => start({}))
  afterEach(() => live.close())

  async function start(options: LiveStreamOptions): Promise<void> {
    clock = createClock()
    live = await startLiveStream(material, { clock, windowSegments, ...options })
  }

  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${live.origin}${path}`, init)

  async function bytes(path: string): Promise<Buffer> {
    const response = await ask(path)
    expect([path, response.status]).toEqual([path, 200])
    return Buffer.from(await response.arrayBuffer())
  }

  async function text(path: string): Promise<string> {
    return (await bytes(path)).toString()
  }

  async function media(path: string): Promise<types.MediaPlaylist> {
    const playlist = parse(await text(path))
    if (!(playlist instanceof types.MediaPlaylist)) throw new Error('no media playlist')
    return playlist
  }

  /** Sends a request and waits until the server holds it. */
  async function hold(path: string, init?: RequestInit): Promise<{ answer: Promise<Response> }> {
    const before = clock.waiting
    const answer = ask(path, init)
    await expect.poll(() => clock.waiting).toBe(before + 1)
    return { answer }
  }

  it('names both renditions in the multivariant playlist', async () => {
    const playlist = parse(await text('/index.m3u8'))
    if (!(playlist instanceof types.MasterPlaylist)) throw new Error('no multivariant playlist')
    expect(playlist.variants.map(({ uri, resolution }) => [uri, resolution?.height])).toEqual([
      ['v90/index.m3u8', 90],
      ['v144/index.m3u8', 144],
    ])
  })

  it('slides: a segment comes and a segment goes every two seconds', async () => {
    const before = await media('/v90/index.m3u8')
    clock.advance(2000)
    const after = await media('/v90/index.m3u8')
    expect(before.mediaSequenceBase).toBe(0)
    expect(after.mediaSequenceBase).toBe(1)
    const uris = ({ segments }: types.MediaPlaylist) =>
      segments.map(({ uri }) => uri).filter(Boolean)
    expect(uris(after)).toEqual([...uris(before).slice(1), 'segment-8.m4s'])
  })

  it('answers equal states with equal texts', async () => {
    const before = await text('/v90/index.m3u8')
    clock.advance(499)
    expect(await text('/v90/index.m3u8')).toBe(before)
    clock.advance(1)
    expect(await text('/v90/index.m3u8')).not.toBe(before)
  })

  it('says what it can do', async () => {
    const { lowLatencyCompatibility, partTargetDuration, targetDuration } =
      await media('/v90/index.m3u8')
    expect(targetDuration).toBe(2)
    expect(partTargetDuration).toBe(0.5)
    expect(lowLatencyCompatibility).toMatchObject({
      canBlockReload: true,
      canSkipUntil: 12,
      partHoldBack: 1.5,
    })
  })

  it('lists parts for the last two segments and the one being made, and hints at the next', async () => {
    clock.advance(1000)
    const playlist = await text('/v90/index.m3u8')
    const parts = [...playlist.matchAll(/#EXT-X-PART:.*URI="([^"]+)"/g)].map(([, uri]) => uri)
    const expected = [6, 7].flatMap((segment) =>
      [0, 1, 2, 3].map((part) => `segment-${segment}.part-${part}.m4s`),
    )
    expect(parts).toEqual([...expected, 'segment-8.part-0.m4s', 'segment-8.part-1.m4s'])
    expect(playlist).toContain('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="segment-8.part-2.m4s"')
  })

  it.each([
    { advanceMs: 0, report: 'LAST-MSN=7,LAST-PART=3' },
    { advanceMs: 500, report: 'LAST-MSN=8,LAST-PART=0' },
    { advanceMs: 1500, report: 'LAST-MSN=8,LAST-PART=2' },
  ])('reports on the other rendition: $report', async ({ advanceMs, report }) => {
    clock.advance(advanceMs)
    for (const [name, other] of [
      ['v90', 'v144'],
      ['v144', 'v90'],
    ]) {
      const lines = (await text(`/${name}/index.m3u8`)).split('\n')
      expect(lines.filter((line) => line.startsWith('#EXT-X-RENDITION-REPORT'))).toEqual([
        `#EXT-X-RENDITION-REPORT:URI="../${other}/index.m3u8",${report}`,
      ])
    }
  })

  describe('its media', () => {
    it.each(['v90', 'v144'])('is the same in parts and in segments: %s', async (name) => {
      for (const segment of [0, 3, 7]) {
        const parts = [0, 1, 2, 3].map((part) =>
          bytes(`/${name}/segment-${segment}.part-${part}.m4s`),
        )
        const joined = Buffer.concat(await Promise.all(parts))
        expect(joined.equals(await bytes(`/${name}/segment-${segment}.m4s`))).toBe(true)
      }
    })

    it('goes on behind the end of the material with timestamps that never go back', async () => {
      const rendition = material.renditions[0]
      if (rendition === undefined) throw new Error('no rendition')
      const { parts, timescale, name } = rendition
      const decodeTime = async (part: number): Promise<number> => {
        const path = `/${name}/segment-${Math.floor(part / 4)}.part-${part % 4}.m4s`
        const at = parts[part % parts.length]?.startAt ?? Number.NaN
        return Number((await bytes(path)).readBigUInt64BE(at)) / timescale
      }
      clock.advance(20_000)
      expect(parts).toHaveLength(60)
      const seen = [await decodeTime(58), await decodeTime(59), await decodeTime(60)]
      expect([...seen, await decodeTime(61)]).toEqual([29, 29.5, 30, 30.5])
    })

    it('is there as soon as it is complete, and not before', async () => {
      expect((await ask('/v90/segment-8.m4s')).status).toBe(404)
      expect((await ask('/v90/segment-8.part-1.m4s')).status).toBe(404)
      clock.advance(1000)
      expect((await ask('/v90/segment-8.m4s')).status).toBe(404)
      expect((await ask('/v90/segment-8.part-1.m4s')).status).toBe(200)
      clock.advance(1000)
      expect((await ask('/v90/segment-8.m4s')).status).toBe(200)
    })

    it('stays for a second window, then goes', async () => {
      clock.advance(windowSegments * 2000)
      expect((await ask('/v90/segment-0.m4s')).status).toBe(200)
      clock.advance(2 * 2000)
      expect((await ask('/v90/segment-0.m4s')).status).toBe(404)
    })

    it('comes with the init section of its rendition', async () => {
      expect((await bytes('/v144/init.mp4')).toString('latin1', 4, 8)).toBe('ftyp')
    })

    it('is held for the part that was hinted at', async () => {
      const { answer } = await hold('/v90/segment-8.part-0.m4s')
      clock.advance(500)
      const response = await answer
      expect(response.status).toBe(200)
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1000)
    })
  })

  describe('a blocking reload', () => {
    it.each([
      { query: '_HLS_msn=8&_HLS_part=0', waitMs: 500 },
      { query: '_HLS_msn=8&_HLS_part=2', waitMs: 1500 },
      { query: '_HLS_msn=8', waitMs: 2000 },
      { query: '_HLS_msn=8&_HLS_part=9', waitMs: 2500 },
      { query: '_HLS_part=1&_HLS_msn=9', waitMs: 3000 },
    ])('of ?$query is held for $waitMs ms', async ({ query, waitMs }) => {
      const { answer } = await hold(`/v90/index.m3u8?${query}`)
      expect(live.requests.at(-1)?.status).toBeNull()
      clock.advance(waitMs - 1)
      expect(clock.waiting).toBe(1)
      clock.advance(1)
      expect(clock.waiting).toBe(0)
      const body = await (await answer).text()
      expect(body).toBe(await text('/v90/index.m3u8'))
      expect(live.requests.at(-2)?.status).toBe(200)
    })

    it.each(['_HLS_msn=7&_HLS_part=3', '_HLS_msn=0', '_HLS_msn=7'])(
      'of ?%s, which is there, is answered at once',
      async (query) => {
        expect(await text(`/v90/index.m3u8?${query}`)).toBe(await text('/v90/index.m3u8'))
      },
    )

    it.each(['_HLS_part=0', '_HLS_msn=11', '_HLS_msn=x', '_HLS_msn=8&_HLS_part=-1', '_HLS_msn='])(
      'of ?%s is a mistake',
      async (query) => {
        expect((await ask(`/v90/index.m3u8?${query}`)).status).toBe(400)
        expect(clock.waiting).toBe(0)
      },
    )

    it('is forgotten when the asker leaves', async () => {
      const leaving = new AbortController()
      const { answer } = await hold('/v90/index.m3u8?_HLS_msn=8', { signal: leaving.signal })
      leaving.abort()
      await expect(answer).rejects.toThrow()
      await expect.poll(() => clock.waiting).toBe(0)
      expect(live.requests.at(-1)?.status).toBeNull()
    })

    it('may be kept by a cache for longer than another answer', async () => {
      const plain = await ask('/v90/index.m3u8')
      const blocking = await ask('/v90/index.m3u8?_HLS_msn=7')
      expect(plain.headers.get('cache-control')).toBe('max-age=1')
      expect(blocking.headers.get('cache-control')).toBe('max-age=12')
    })
  })

  describe('a delta update', () => {
    it.each(['YES', 'v2'])('leaves out what is older than the boundary: %s', async (value) => {
      clock.advance(500)
      const whole = (await text('/v90/index.m3u8')).split('\n')
      const delta = (await text(`/v90/index.m3u8?_HLS_skip=${value}`)).split('\n')
      const skip = delta.indexOf('#EXT-X-SKIP:SKIPPED-SEGMENTS=2')
      const segmentTwo = whole.indexOf('segment-2.m4s')
      expect(whole.slice(0, skip)).toEqual(delta.slice(0, skip))
      expect(delta.slice(delta.indexOf('segment-2.m4s'))).toEqual(whole.slice(segmentTwo))
      expect(delta).not.toContain('segment-1.m4s')
      expect(delta.join()).not.toContain('EXT-X-MAP')
    })

    it('is whole when there is nothing to leave out', async () => {
      await live.close()
      await start({ windowSegments: 6 })
      expect(await text('/v90/index.m3u8?_HLS_skip=YES')).toBe(await text('/v90/index.m3u8'))
    })

    it('may be asked for together with a blocking reload', async () => {
      const { answer } = await hold('/v90/index.m3u8?_HLS_msn=8&_HLS_part=0&_HLS_skip=YES')
      clock.advance(500)
      const body = await (await answer).text()
      expect(body).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n')
      expect(body).toContain('URI="segment-8.part-0.m4s"')
    })
  })

  describe('without low latency', () => {
    beforeEach(async () => {
      await live.close()
      await start({ lowLatency: false })
    })

    it('lists whole segments only, and heeds no directive', async () => {
      const playlist = await text('/v90/index.m3u8')
      expect(playlist).not.toMatch(/EXT-X-(PART|PRELOAD|SERVER-CONTROL|RENDITION|SKIP)/)
      expect(await text('/v90/index.m3u8?_HLS_msn=8&_HLS_skip=YES')).toBe(playlist)
      clock.advance(1999)
      expect(await text('/v90/index.m3u8')).toBe(playlist)
      clock.advance(1)
      expect(await text('/v90/index.m3u8')).toContain('\nsegment-8.m4s\n')
    })

    it('has no parts', async () => {
      expect((await ask('/v90/segment-7.part-0.m4s')).status).toBe(404)
    })
  })

  describe('as an origin', () => {
    it('records what it was asked, as it was asked', async () => {
      await ask('/v90/index.m3u8?b=%7e&a', { headers: { 'X-Probe': 'here' } })
      expect(live.requests).toMatchObject([
        {
          method: 'GET',
          path: '/v90/index.m3u8?b=%7e&a',
          headers: { 'x-probe': 'here' },
          atMs: clock.now(),
          status: 200,
        },
      ])
    })

    it.each(['/', '/v91/index.m3u8', '/v90/', '/v90/segment-x.m4s', '/v90/segment-1.part-4.m4s'])(
      'has nothing at %s',
      async (path) => {
        expect((await ask(path)).status).toBe(404)
      },
    )

    it('answers HEAD without a body and refuses other methods', async () => {
      const head = await ask('/v90/init.mp4', { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '777'])
      expect(await head.text()).toBe('')
      expect((await ask('/v90/init.mp4', { method: 'POST' })).status).toBe(405)
    })

    it('lets scripts of other origins read only when told to', async () => {
      const header = 'access-control-allow-origin'
      expect((await ask('/index.m3u8')).headers.get(header)).toBeNull()
      await live.close()
      await start({ cors: true })
      expect((await ask('/index.m3u8')).headers.get(header)).toBe('*')
    })
  })
})
