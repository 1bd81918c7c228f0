import { isOpened } from './attempt.ts'
import { find, h, icon } from './dom.ts'
import { carriedToken, kindNames, type RequestRecord, shortPath, tokenMark } from './requests.ts'
import { formatDuration } from './time.ts'

/** The live list of requests, newest first; one of them is the link that the buttons take. */
export interface RequestLog {
  add(record: RequestRecord): void
  /** A line between the requests. */
  note(text: string): void
  /** The chosen link, or else the latest; `null` before the first request. */
  current(): RequestRecord | null
  /** Back to the latest. */
  release(): void
}

interface LogOptions {
  /** The link that `current()` gives is another one. */
  readonly onCurrent: (record: RequestRecord, chosen: boolean) => void
  readonly onCopy: (record: RequestRecord) => void
}

/** More rows than this nobody reads, and a page may stay open for days. */
const mostRows = 150

export function createRequestLog(
  box: HTMLElement,
  jump: HTMLButtonElement,
  { onCurrent, onCopy }: LogOptions,
): RequestLog {
  const list = find('ol', HTMLOListElement, box)
  const records = new Map<Element, RequestRecord>()
  let latest: RequestRecord | null = null
  let chosen: HTMLElement | null = null
  let pointed = false
  let unseen = 0

  box.addEventListener('pointerenter', ({ pointerType }) => {
    pointed = pointerType === 'mouse'
  })
  box.addEventListener('pointerleave', () => {
    pointed = false
    if (unseen > 0 && chosen === null) toTop()
  })
  box.addEventListener('scroll', () => {
    if (box.scrollTop < 4) seeAll()
  })
  jump.addEventListener('click', toTop)

  function toTop(): void {
    box.scrollTop = 0
    seeAll()
  }

  function seeAll(): void {
    unseen = 0
    jump.hidden = true
  }

  /** A row that somebody is about to press does not move: new ones gather above the visible part. */
  function insert(row: HTMLElement): void {
    const still = pointed || box.scrollTop >= 4 || box.querySelector(':focus-visible') !== null
    const before = box.scrollHeight
    list.prepend(row)
    if (still) {
      box.scrollTop += box.scrollHeight - before
      if (box.scrollTop >= 4) {
        unseen += 1
        jump.hidden = false
        jump.textContent = unseen === 1 ? '1 new request' : `${unseen} new requests`
      }
    }
    while (list.children.length > mostRows) dropOldest()
  }

  function dropOldest(): void {
    const oldest = [...list.children].findLast((row) => row !== chosen)
    if (oldest === undefined) return
    records.delete(oldest)
    oldest.remove()
  }

  function choose(row: HTMLElement | null): void {
    chosen?.querySelector('.row-choose')?.setAttribute('aria-pressed', 'false')
    chosen = row
    row?.querySelector('.row-choose')?.setAttribute('aria-pressed', 'true')
    const record = current()
    if (record !== null) onCurrent(record, chosen !== null)
  }

  function current(): RequestRecord | null {
    return (chosen && records.get(chosen)) ?? latest
  }

  return {
    add(record) {
      const row = writeRow(record, {
        choose: () => choose(row === chosen ? null : row),
        copy: () => onCopy(record),
      })
      records.set(row, record)
      insert(row)
      // What was refused anyway, or carried nothing, is no link to steal.
      if (!isOpened(record.status) || carriedToken(record.url) === null) return
      latest = record
      if (chosen === null) onCurrent(record, false)
    },
    note(text) {
      insert(h('li', { class: 'log-note' }, text))
    },
    current,
    release() {
      choose(null)
      toTop()
    },
  }
}

function writeRow(
  { kind, url, status, ms }: RequestRecord,
  act: { readonly choose: () => void; readonly copy: () => void },
): HTMLElement {
  const carried = carriedToken(url)
  const opened = isOpened(status)
  const pressed = h(
    'button',
    { class: 'row-choose', type: 'button', 'aria-pressed': 'false' },
    h('span', { class: 'row-kind' }, icon(kind), h('span', {}, kindNames[kind])),
    h('span', { class: 'row-path' }, shortPath(url)),
    carried === null
      ? h('span', { class: 'row-token none' }, 'no token')
      : h(
          'span',
          {
            class: 'row-token',
            title: `${carried.kind} token ending in ${tokenMark(carried.token)}`,
          },
          `${carried.kind} `,
          h('code', {}, `…${tokenMark(carried.token)}`),
        ),
    h(
      'span',
      { class: 'row-status' },
      icon(opened ? 'check' : 'cross'),
      status === 0 ? 'no answer' : String(status),
    ),
    h('span', { class: 'row-ms' }, formatDuration(ms)),
  )
  pressed.addEventListener('click', act.choose)
  const copy = h(
    'button',
    { class: 'row-copy', type: 'button', 'aria-label': `Copy link to ${shortPath(url)}` },
    icon('copy'),
  )
  copy.addEventListener('click', act.copy)
  return h(
    'li',
    {
      class: 'row',
      'data-testid': 'request-row',
      'data-kind': kind,
      'data-status': String(status),
      'data-url': url,
      'data-opened': String(opened),
    },
    pressed,
    copy,
  )
}
