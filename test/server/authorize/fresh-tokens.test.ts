import { describe, expect, it } from 'vitest'
import type { RawResponse } from '../../stage/raw-socket.ts'
import { body, media, type StageOptions } from '../../stage/start-gate.ts'
import { ask, askerNamed, startAskedGate } from './asking.ts'

const playlist = '/vod/film/index.m3u8'
const segment = '/vod/film/1.m4s'

const startLive = (carrier: 'cookie' | 'player', slidingSeconds = 60) => {
  const options: StageOptions = {
    session: { carrier: [carrier], slidingSeconds, saltHeaders: ['User-Agent'] },
    rule: { cors: { origins: ['https://www.example.com'] } },
    routes: {
      '/film/index.m3u8': body(media.replace(/#EXT-X-(?:ENDLIST|PLAYLIST-TYPE.*)\n/g, '')),
    },
  }
  return startAskedGate(options)
}

const allows = ({ status }: RawResponse): boolean => status >= 200 && status < 300
const cookieOf = (response: RawResponse): string | undefined =>
  response.header('set-cookie')?.split(';')[0]
const tokenOf = (text: string | null | undefined): string | undefined =>
  /token="([^"]+)"/.exec(text ?? '')?.[1]

describe.each(['nginx', 'caddy', 'traefik', 'envoy'].map(askerNamed))(
  '$name and a sliding session',
  (asker) => {
    it('hands the fresh cookie on with a playlist, the very one that the gate itself gives', async () => {
      const stage = await startLive('cookie')
      const opened = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
      const cookie = cookieOf(opened) ?? ''
      const lines = [`Cookie: ${cookie}`]
      stage.clock.advance(29_000)
      const early = await ask(stage, asker, { target: playlist, lines })
      expect([allows(early), early.all('set-cookie')]).toEqual([true, []])
      stage.clock.advance(2_000)
      const late = await ask(stage, asker, { target: playlist, lines })
      const itself = await stage.ask(playlist, { headers: { Cookie: cookie } })
      expect(late.all('set-cookie')).toEqual([itself.headers.get('set-cookie')])
      const session = itself.headers.get('playgate-session')
      expect(late.all('playgate-session')).toEqual(asker.name === 'traefik' ? [] : [session])
      expect(cookieOf(late)).not.toBe(cookie)
      // Segments bring none, as ever.
      const other = await ask(stage, asker, { target: segment, lines })
      expect([allows(other), other.all('set-cookie')]).toEqual([true, []])
    })

    it('keeps it alive for as long as playlists are asked for', async () => {
      const stage = await startLive('cookie')
      const opened = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
      const first = cookieOf(opened)
      let cookie = first
      for (let minute = 0; minute < 10; minute += 1) {
        for (let reload = 0; reload < 6; reload += 1) {
          stage.clock.advance(10_000)
          const answer = await ask(stage, asker, { target: playlist, lines: [`Cookie: ${cookie}`] })
          expect(allows(answer)).toBe(true)
          cookie = cookieOf(answer) ?? cookie
        }
      }
      const stale = await ask(stage, asker, { target: playlist, lines: [`Cookie: ${first}`] })
      expect(stale.status).toBe(403)
      expect((await stage.gate.sessions.list({})).sessions).toHaveLength(1)
    })
  },
)

describe('a sliding session of the plugin', () => {
  it.each(['nginx', 'caddy', 'envoy'])(
    'gets its fresh token in the header through %s',
    async (name) => {
      const stage = await startLive('player')
      const asker = askerNamed(name)
      const opened = await ask(stage, asker, { target: `${playlist}?hdnts=${stage.mint()}` })
      const token = tokenOf(opened.header('playgate-session'))
      stage.clock.advance(40_000)
      const late = await ask(stage, asker, { target: `${playlist}?hdntl=${token}` })
      const itself = await stage.ask(`${playlist}?hdntl=${token}`)
      expect(late.all('playgate-session')).toEqual([itself.headers.get('playgate-session')])
      expect(tokenOf(late.header('playgate-session'))).not.toBe(token)
      expect(late.all('set-cookie')).toEqual([])
    },
  )
})

it('gives a session that does not slide nothing', async () => {
  const stage = await startLive('cookie', 0)
  const nginx = askerNamed('nginx')
  const opened = await ask(stage, nginx, { target: `${playlist}?hdnts=${stage.mint()}` })
  stage.clock.advance(86_000_000)
  const lines = [`Cookie: ${cookieOf(opened)}`]
  const late = await ask(stage, nginx, { target: playlist, lines })
  expect([late.status, late.all('set-cookie')]).toEqual([204, []])
})

it('tells nginx to store no playlist that brings a fresh token along', async () => {
  const stage = await startLive('cookie')
  const accelerated = (bytes: string) =>
    bytes.replace('/authorize/nginx ', '/authorize/nginx?accel=/internal ')
  const asked = (target: string, lines: string[] = []) =>
    ask(stage, askerNamed('nginx'), { target, lines }, accelerated)
  const opened = await asked(`${playlist}?hdnts=${stage.mint()}`)
  const lines = [`Cookie: ${cookieOf(opened)}`]
  expect((await asked(playlist, lines)).header('cache-control')).toBe('private, no-cache')
  stage.clock.advance(40_000)
  const late = await asked(playlist, lines)
  expect(late.all('set-cookie')).toHaveLength(1)
  expect(late.header('cache-control')).toBe('private, no-store')
})
