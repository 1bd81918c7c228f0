import { find, h } from '../dom.ts'
import type { RequestKind, RequestRecord } from '../requests.ts'
import { formatLeft } from '../time.ts'
import { createMeter, type Reading } from './meter.ts'
import { type Player, startPlayer } from './players.ts'
import { createStrip, type Outcome } from './strip.ts'
import type { PlayerName, Visit } from './visit.ts'

/** One of the two players with everything that stands around it. */
export interface Side {
  readonly video: HTMLVideoElement
  start(visit: Visit): void
  stop(): void
  /** The tokens that it has are no good any more. */
  revoked(): void
  mark(text: string): void
  /** @returns what it does now */
  tick(): Reading
}

interface SideOptions {
  /** A link that it played. */
  readonly onLink?: (url: string) => void
}

/** The figures below a player. */
interface Tally {
  refused: number
  recovered: number
  tokens: number
  requests: number
}

const emptyTally: Tally = { refused: 0, recovered: 0, tokens: 0, requests: 0 }

/** @param now seconds since the start that both sides share */
export function createSide(name: PlayerName, now: () => number, options: SideOptions = {}): Side {
  const root = find(`[data-side="${name}"]`, HTMLElement)
  const slot = (slotName: string) => find(`[data-slot="${slotName}"]`, HTMLElement, root)
  const video = find('video', HTMLVideoElement, root)
  const strip = createStrip(slot('strip'))
  let meter = createMeter()
  let player: Player | null = null
  let tally = { ...emptyTally }
  let held: ((end: number) => void)[] = []
  let stopped: string | null = null
  let isRevoked = false

  function release(): void {
    for (const end of held) end(now())
    held = []
  }

  function onRequest({ kind, status, ms, url }: RequestRecord): void {
    tally.requests += 1
    const outcome = outcomeOf(status)
    if (outcome === 'refused') tally.refused += 1
    if (outcome === 'answered' && kind === 'video') options.onLink?.(url)
    strip.request(kind, now() - ms / 1000, outcome, pathOf(url))
  }

  function start(visit: Visit): void {
    player = startPlayer[name](video, visit, {
      asking() {
        const at = now()
        const end = strip.last('asking', 'token', at)
        return (token) => {
          end(now())
          strip.request('token', now(), token === null ? 'refused' : 'answered')
          if (token === null) return
          isRevoked = false
          tally.tokens += 1
          // Good from the moment it was made, which a slow site takes its time with.
          strip.life(now(), token.expiresIn)
        }
      },
      request: onRequest,
      held(url) {
        held.push(strip.last('held', kindOfPath(pathOf(url)), now()))
      },
      released: release,
      recovered(url) {
        tally.recovered += 1
        strip.recover(pathOf(url))
      },
      stopped(why) {
        stopped = why
      },
    })
  }

  function stop(): void {
    player?.destroy()
    player = null
    meter = createMeter()
    tally = { ...emptyTally }
    held = []
    stopped = null
    isRevoked = false
    strip.clear()
  }

  function show(reading: Reading): void {
    const left = isRevoked ? 0 : (player?.tokenLeft() ?? null)
    root.dataset.state = reading.state
    root.dataset.token = left === null ? 'none' : left > 0 ? 'good' : 'over'
    root.dataset.played = reading.playedSeconds.toFixed(1)
    for (const [figure, value] of Object.entries({ ...tally, stalls: reading.stalls })) {
      root.dataset[figure] = String(value)
    }
    const ending = isRevoked ? 'revoked' : 'over'
    slot('token').textContent =
      left === null ? 'no token yet' : `token ${left > 0 ? formatLeft(left) : ending}`
    slot('strip').setAttribute('aria-label', describeStrip(tally, reading))
    slot('played').textContent = formatLeft(Math.floor(reading.playedSeconds))
    slot('stalls').textContent = String(reading.stalls)
    slot('refused').textContent = String(tally.refused)
    slot('tokens').textContent = String(tally.tokens)
    const words = wordsOf(name, reading, { left, stopped, tally })
    const badge = slot('badge')
    if (badge.dataset.words !== words.join('|')) {
      badge.dataset.words = words.join('|')
      badge.replaceChildren(h('b', {}, words[0]), h('span', {}, words[1]))
    }
  }

  return {
    video,
    start,
    stop,
    revoked() {
      isRevoked = (player?.tokenLeft() ?? 0) > 0
      strip.endLives(now())
    },
    mark: (text) => strip.mark(now(), text),
    tick() {
      const reading = meter.read(video, performance.now())
      strip.tick(now(), reading.state)
      show(reading)
      return reading
    },
  }
}

/** What the drawing shows. */
function describeStrip({ requests, refused, recovered }: Tally, { state }: Reading): string {
  const again = recovered > 0 ? `, ${recovered} of them fetched with a new token` : ''
  return `${requests} requests so far: ${refused} refused${again}. Now ${state}.`
}

interface Circumstances {
  readonly left: number | null
  /** Why it gave up; `null`: it did not. */
  readonly stopped: string | null
  readonly tally: Readonly<Tally>
}

/** What stands on the picture: a word, and why. */
function wordsOf(
  name: PlayerName,
  { state, playedSeconds }: Reading,
  { left, stopped, tally }: Circumstances,
): readonly [string, string] {
  const at = formatLeft(Math.floor(playedSeconds))
  if (state === 'frozen') {
    const why = tally.refused > 0 ? 'every request is refused' : 'it waits for the server'
    const word = name === 'stock' || stopped === null ? 'Frozen' : 'Stopped'
    return [word, ` at ${at}: ${stopped ?? why}`]
  }
  if (stopped !== null) return ['Playing', ' what it has loaded; it asks for nothing more']
  if (state === 'starting') return ['Starting', '']
  if (state === 'paused') return ['Paused', '']
  if (left !== null && left <= 0 && name === 'stock') {
    return ['Playing', ' what it has loaded; its token is no good any more']
  }
  return ['Playing', '']
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return 'answered'
  return status === 401 || status === 403 ? 'refused' : 'lost'
}

function pathOf(url: string): string {
  return new URL(url, location.href).pathname
}

/** By its name in this stream, where a player tells no more than that. */
function kindOfPath(path: string): RequestKind {
  if (path.endsWith('.m3u8')) return 'playlist'
  if (path.endsWith('.bin')) return 'key'
  if (path.endsWith('init.mp4')) return 'init'
  return path.includes('/audio/') ? 'audio' : 'video'
}
