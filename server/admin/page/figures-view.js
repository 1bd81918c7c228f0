import { byId, whisper, write } from './dom.js'

/**
 * @typedef {object} Summary as the admin API shows it
 * @property {string} version
 * @property {string} now
 * @property {{ active: number, idle: number, more: boolean } | null} sessions
 * @property {{ lately: number, minutes: number, more: boolean }} refusals
 * @property {{ kind: string, isUp: boolean }} store
 * @property {{ name: string, mode: string, hasSessions: boolean }[]} rules
 */

const modeWords = /** @type {Record<string, string>} */ ({ log: ' (only logs)', off: ' (open)' })

/** Read out no more often than this: on a busy server something changes all the time. */
const restMs = 15_000
let told = ''
let toldAtMs = Number.NEGATIVE_INFINITY

/**
 * The head line: how many play, and how the server is.
 *
 * @param {Summary} summary
 */
export function showFigures({ version, sessions, refusals, store, rules }) {
  write(byId('figure-active'), figure(sessions?.active, sessions?.more))
  write(byId('figure-idle'), figure(sessions?.idle, sessions?.more))
  write(byId('figure-refused'), figure(refusals.lately, refusals.more))
  write(byId('figure-refused-label'), `refused in ${refusals.minutes} minutes`)
  if (sessions !== null) tell(`${sessions.active} playing, ${sessions.idle} idle`)
  const names = rules.slice(0, 8).map(({ name, mode }) => name + (modeWords[mode] ?? ''))
  const others = rules.length > names.length ? ` and ${rules.length - names.length} more` : ''
  const word = rules.length === 1 ? 'rule' : 'rules'
  write(
    byId('server-line'),
    `${word} ${names.join(', ')}${others}\nstore: ${store.kind}, ${store.isUp ? 'answers' : 'does not answer'} · playgate ${version}`,
  )
}

/** @param {string} text */
function tell(text) {
  if (text === told || performance.now() - toldAtMs < restMs) return
  told = text
  toldAtMs = performance.now()
  whisper(text)
}

/**
 * @param {number | undefined} count
 * @param {boolean | undefined} isAtLeast
 */
function figure(count, isAtLeast) {
  return count === undefined ? '–' : `${count.toLocaleString()}${isAtLeast ? '+' : ''}`
}
