import { deviceName } from './device.js'

/** @typedef {import('./session-row.js').Session} Session */
/** @typedef {{ sessions: Session[], next: string | null }} SessionList */

/** Rows of one page. */
export const pageSize = 100
/** The most that one answer brings, and that this page looks through for a part of a word. */
const mostAtOnce = 1_000

/**
 * The sessions that the page is to show.
 *
 * Without a text: so many pages of the list. With one: those of the latest thousand that hold the text somewhere, and those of all
 * that the server finds by it: as a whole subject, a whole address, or the beginning of a path.
 *
 * @param {import('./api.js').Api} api
 * @param {{ text: string, state: string, pages: number }} wanted
 * @returns {Promise<{ sessions: Session[], more: boolean, searched: number | null }>} `searched`: only so many were looked
 *   through for the text
 */
export async function findSessions(api, { text, state, pages }) {
  const most = Math.min(pages * pageSize, mostAtOnce)
  if (text === '') {
    const { sessions, next } = await listUpTo(api, { state }, most)
    return { sessions, more: next !== null, searched: null }
  }
  const [latest, exact] = await Promise.all([
    api.sessions({ state, limit: String(mostAtOnce) }),
    api.sessions({ state, ...exactFilter(text), limit: String(most) }),
  ])
  const part = text.toLowerCase()
  const found = latest.sessions.filter((/** @type {Session} */ one) => holds(one, part))
  const all = new Map([...found, ...exact.sessions].map((one) => [one.sessionId, one]))
  const sessions = [...all.values()].sort(latestFirst)
  return {
    sessions: sessions.slice(0, most),
    more: sessions.length > most || exact.next !== null,
    searched: latest.next === null ? null : latest.sessions.length,
  }
}

/** Can there be more rows than these? */
export function mayShowMore(/** @type {number} */ pages) {
  return pages * pageSize < mostAtOnce
}

/**
 * Session ids begin with the time of opening.
 *
 * @param {Session} one
 * @param {Session} other
 */
export function latestFirst(one, other) {
  return one.sessionId < other.sessionId ? 1 : one.sessionId > other.sessionId ? -1 : 0
}

/**
 * Asks again where a page was short because few sessions fit the filter.
 *
 * @param {import('./api.js').Api} api
 * @param {Record<string, string>} filter
 * @param {number} most
 * @returns {Promise<SessionList>}
 */
async function listUpTo(api, filter, most) {
  /** @type {Session[]} */
  const sessions = []
  /** @type {string | null} */
  let next = null
  for (let asked = 0; asked < most / pageSize; asked++) {
    const limit = String(most - sessions.length)
    /** @type {SessionList} */
    const page = await api.sessions({ ...filter, limit, cursor: next ?? '' })
    sessions.push(...page.sessions)
    next = page.next
    if (next === null || sessions.length >= most) break
  }
  return { sessions, next }
}

/**
 * @param {string} text
 * @returns {Record<string, string>}
 */
function exactFilter(text) {
  if (text.startsWith('/')) return { path: text }
  return /^(?=.*\d)[\d.]+$|^[\da-f:.]*:[\da-f:.]*$/i.test(text)
    ? { client: text }
    : { subject: text }
}

/**
 * @param {Session} session
 * @param {string} part in lower case
 */
function holds({ subject, path, client, rule, userAgent }, part) {
  const texts = [subject ?? '', path, client, rule, deviceName(userAgent)]
  return texts.some((text) => text.toLowerCase().includes(part))
}
