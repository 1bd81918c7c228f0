import '../player/browser-globals.ts'
import Hls, { FetchLoader, type HlsConfig } from 'hls.js'
import { expect, it, onTestFinished, vi } from 'vitest'
import { body, startGate } from '../stage/start-gate.ts'

const multivariant = `#EXTM3U
#EXT-X-CONTENT-STEERING:SERVER-URI="steer.json",PATHWAY-ID="A"
#EXT-X-STREAM-INF:BANDWIDTH=800000,PATHWAY-ID="A",STABLE-VARIANT-ID="v1"
low/index.m3u8
`

/** When the token of a URL ends. */
const endOf = (target = '') => Number(/hdntl=exp=(\d+)/.exec(target)?.[1])

/** hls.js as it is on a film with pathway A, and B, a clone of it with the other playlist. Its session lasts 312 seconds. */
async function playSteered() {
  let said = ''
  const stage = await startGate({
    routes: {
      '/film/index.m3u8': body(multivariant),
      '/film/steer.json': (...parameters) => body(said, 'application/json')(...parameters),
    },
  })
  const say = (priority: readonly string[], ...clones: readonly string[]) => {
    const uris = { v1: `${stage.url}/vod/film/high/index.m3u8` }
    said = JSON.stringify({
      VERSION: 1,
      // So that `startLoad()` asks at once.
      TTL: 0,
      'PATHWAY-PRIORITY': priority,
      'PATHWAY-CLONES': clones.map((id) => ({
        'BASE-ID': 'A',
        ID: id,
        'URI-REPLACEMENT': { 'PER-VARIANT-URIS': uris },
      })),
    })
  }
  const asked: string[] = []
  class Recorder extends FetchLoader {
    override load(...parameters: Parameters<FetchLoader['load']>): void {
      const { pathname, search } = new URL(parameters[0].url)
      asked.push(pathname + search)
      super.load(...parameters)
    }
  }
  const loader = Recorder as unknown as HlsConfig['loader']
  const hls = new Hls({ enableWorker: false, loader })
  onTestFinished(() => hls.destroy())
  const to = (path: string) => asked.filter((target) => target.startsWith(`/vod/film/${path}?`))
  const steered = (begin: () => void) =>
    new Promise<void>((resolve) => {
      hls.once(Hls.Events.STEERING_MANIFEST_LOADED, () => resolve())
      begin()
    })
  const steer = () =>
    steered(() => {
      hls.stopLoad()
      hls.startLoad()
    })
  say(['A'], 'B')
  await steered(() => hls.loadSource(`${stage.url}/vod/film/index.m3u8?hdnts=${stage.mint()}`))
  return { stage, hls, say, steer, to, firstEnd: endOf(to('steer.json')[0]) }
}

it('hls.js follows RELOAD-URI to a fresh token, and asks for its pathway with the old one', async () => {
  const { stage, say, steer, to, firstEnd } = await playSteered()
  say(['A'])
  stage.clock.advance(300_000)
  await steer()
  expect(endOf(to('steer.json').at(-1))).toBe(firstEnd)
  stage.clock.advance(100_000)
  await steer()
  expect(endOf(to('steer.json').at(-1))).toBeGreaterThan(firstEnd)
  expect(new Set(to('low/index.m3u8').map(endOf))).toEqual(new Set([firstEnd]))
})

it.each([
  ['leaves a pathway clone alone that it has, with the token of then', 'B', false],
  ['moves to a clone of a new ID, with the fresh token', 'B-2', true],
])('hls.js %s', async (_what, id, isFresh) => {
  const { stage, hls, say, steer, to, firstEnd } = await playSteered()
  say([id, 'A'], id)
  stage.clock.advance(300_000)
  await steer()
  const segment = () => hls.levels[0]?.details?.fragments[0]?.url ?? ''
  await vi.waitFor(() => expect(segment()).toContain('/high/'))
  for (const url of [...to('high/index.m3u8'), segment()]) {
    expect(endOf(url) > firstEnd).toBe(isFresh)
  }
})
