const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/**
 * How long ago, short: `now`, `12 s`, `3 min`, `2 h 5 min`, `4 d`.
 *
 * @param {number} milliseconds
 */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 2) return 'now'
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

/**
 * Shows a time as one that is past; the exact one is its title.
 *
 * @param {HTMLElement} element a `<time>`
 * @param {string} at ISO 8601
 * @param {number} nowMs by the server's clock
 */
export function showTime(element, at, nowMs) {
  const text = ago(nowMs - Date.parse(at))
  if (element.textContent !== text) element.textContent = text
  if (element.getAttribute('datetime') === at) return
  element.setAttribute('datetime', at)
  element.title = exact.format(new Date(at))
}

/** @param {number} atMs by this machine's clock */
export function clockTime(atMs) {
  return new Date(atMs).toLocaleTimeString()
}
