import { h } from '../dom.ts'
import { kindNames, type RequestKind } from '../requests.ts'
import type { PlayState } from './meter.ts'

/** How a request went. */
export type Outcome = 'answered' | 'refused' | 'recovered' | 'lost'

type StripKind = RequestKind | 'token'

/** A row for each kind of request; few enough of them to be told apart at a glance. */
const rows: Readonly<Record<StripKind, number>> = {
  token: 0,
  multivariant: 1,
  playlist: 1,
  init: 2,
  key: 2,
  video: 3,
  audio: 4,
  subtitles: 4,
  other: 4,
}

const outcomeNames: Readonly<Record<Outcome, string>> = {
  answered: 'answered',
  refused: 'refused',
  recovered: 'refused, then answered with a new token',
  lost: 'not answered',
}

/** Width of the strip; the style sheet knows it, too. */
const windowSeconds = 45
/** A cell and the gap behind it; see the style sheet. */
const cellPixels = 9

/** A picture of one player's last seconds: its requests, its tokens, and whether it plays. All times are seconds since the start. */
export interface Strip {
  clear(): void
  request(kind: StripKind, at: number, outcome: Outcome, path?: string): void
  /** A request that was refused went well in the end. */
  recover(path: string): void
  /** Something that takes a while, drawn as long as it lasts. @returns to be called with its end */
  last(look: 'asking' | 'held', kind: StripKind, at: number): (end: number) => void
  /** A token is good from here on, for so long. */
  life(at: number, seconds: number): void
  /** The tokens that are out end here. */
  endLives(at: number): void
  /** Something was done to both. */
  mark(at: number, text: string): void
  tick(at: number, state: PlayState): void
}

/** @param box the drawing; what it shows is told in words beside it */
export function createStrip(box: HTMLElement): Strip {
  const film = h('div', { class: 'strip-film' })
  box.append(film)
  /** Where the next cell of each row may stand at the earliest. */
  let free: number[] = []
  let refused = new Map<string, HTMLElement>()
  let lives: { readonly bar: HTMLElement; readonly at: number; end: number }[] = []
  let growing: { readonly bar: HTMLElement; readonly at: number }[] = []
  let run: { readonly bar: HTMLElement; readonly at: number; readonly state: PlayState } | null =
    null

  function put(at: number, attributes: Readonly<Record<string, string>>): HTMLElement {
    const element = h('i', attributes)
    element.style.setProperty('--at', at.toFixed(2))
    film.append(element)
    return element
  }

  function stretch({ bar, at }: { bar: HTMLElement; at: number }, end: number): void {
    bar.style.setProperty('--for', Math.max(0, end - at).toFixed(2))
  }

  /** Cells of a row stand beside one another, however close in time they are. */
  function room(row: number, at: number): number {
    const step = cellPixels * (windowSeconds / Math.max(1, box.clientWidth))
    const place = Math.max(at, free[row] ?? 0)
    free[row] = place + step
    return place
  }

  return {
    clear() {
      film.replaceChildren()
      film.style.setProperty('--shift', '0')
      free = []
      refused = new Map()
      lives = []
      growing = []
      run = null
    },

    request(kind, at, outcome, path = '') {
      const row = rows[kind]
      const name = kind === 'token' ? 'token' : kindNames[kind]
      const cell = put(room(row, at), {
        class: 'cell',
        'data-kind': kind,
        'data-outcome': outcome,
        'data-row': String(row),
        title: `${name}, ${outcomeNames[outcome]}`,
      })
      if (outcome === 'refused') refused.set(path, cell)
    },

    recover(path) {
      const cell = refused.get(path)
      if (cell === undefined) return
      refused.delete(path)
      cell.dataset.outcome = 'recovered'
      cell.title = cell.title.replace(outcomeNames.refused, outcomeNames.recovered)
    },

    last(look, kind, at) {
      const row = rows[kind]
      const bar = put(at, { class: look, 'data-kind': kind, 'data-row': String(row) })
      const entry = { bar, at }
      growing.push(entry)
      return (end) => {
        growing = growing.filter((other) => other !== entry)
        stretch(entry, end)
      }
    },

    life(at, seconds) {
      const bar = put(at, { class: 'life' })
      const entry = { bar, at, end: at + seconds }
      lives.push(entry)
      stretch(entry, entry.end)
    },

    endLives(at) {
      for (const life of lives) if (life.end > at) stretch(life, at)
      lives = []
    },

    mark(at, text) {
      put(at, { class: 'mark', title: text })
    },

    tick(at, state) {
      if (run?.state !== state) {
        run = { bar: put(at, { class: 'run', 'data-state': state }), at, state }
      }
      for (const entry of [run, ...growing]) stretch(entry, at)
      film.style.setProperty('--shift', Math.max(0, at - windowSeconds).toFixed(2))
      dropOld(film, at - 2 * windowSeconds)
    },
  }
}

/** What has long left the picture: a page may stay open for days. */
function dropOld(film: HTMLElement, before: number): void {
  for (const element of [...film.children]) {
    if (!(element instanceof HTMLElement)) continue
    const start = Number(element.style.getPropertyValue('--at'))
    const end = start + Number(element.style.getPropertyValue('--for'))
    if (end >= before) return
    element.remove()
  }
}
