import { isOpened } from './attempt.ts'
import { find, h } from './dom.ts'
import { kindNames, type RequestRecord } from './requests.ts'
import { formatLeft } from './time.ts'

/** The small picture beside the video: access token, session token, and a dot for each request. */
export interface Summary {
  count(record: RequestRecord): void
  /** Seconds left; `null`: there is no such token yet. */
  tick(access: number | null, session: number | null): void
}

const mostDots = 96

export function createSummary(): Summary {
  const total = find('#requests-total', HTMLElement)
  const dots = find('#requests-dots', HTMLElement)
  const counts = find('#log-counts', HTMLElement)
  const accessLeft = find('#access-left', HTMLElement)
  const sessionLeft = find('#session-left', HTMLElement)
  let opened = 0
  let refused = 0

  return {
    count({ kind, status }) {
      const good = isOpened(status)
      if (good) opened += 1
      else refused += 1
      const all = opened + refused
      total.textContent = all === 1 ? '1 request' : `${all} requests`
      counts.textContent = `${opened} opened, ${refused} refused`
      dots.append(
        h('i', { 'data-kind': kind, 'data-opened': String(good), title: kindNames[kind] }),
      )
      if (dots.children.length > mostDots) dots.firstElementChild?.remove()
    },
    tick(access, session) {
      accessLeft.textContent = access === null ? '' : access > 0 ? formatLeft(access) : 'over'
      sessionLeft.textContent = session === null ? '' : session > 0 ? formatLeft(session) : 'over'
      accessLeft.dataset.state = access !== null && access > 0 ? 'live' : 'ended'
      sessionLeft.dataset.state = session !== null && session > 0 ? 'live' : 'ended'
    },
  }
}
