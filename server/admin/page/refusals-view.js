import { arrange, byId, newRow, slotsOf, write } from './dom.js'
import { showTime } from './time.js'

/**
 * @typedef {object} Refusal as the admin API shows it
 * @property {string} at
 * @property {string} rule
 * @property {string} method
 * @property {string} host
 * @property {string} path
 * @property {string} client
 * @property {number} status
 * @property {string} reason
 * @property {string} detail
 */

const slotNames = /** @type {const} */ ([
  'at',
  'reason',
  'detail',
  'path',
  'rule',
  'client',
  'status',
])
/** Shown until somebody asks for all. */
const few = 20

/** The list of refused requests, the latest on top. */
export class RefusalsView {
  /** @type {Map<string, { element: HTMLElement, at: HTMLElement, time: string }>} */
  #rows = new Map()
  #body = byId('refusal-rows')
  #more = byId('more-refusals')
  #isWhole = false
  /** @type {readonly Refusal[]} */
  #refusals = []
  #nowMs = Date.now()

  constructor() {
    this.#more.addEventListener('click', () => {
      this.#isWhole = true
      this.show(this.#refusals, this.#nowMs)
    })
  }

  /**
   * @param {readonly Refusal[]} refusals the latest first
   * @param {number} nowMs by the server's clock
   */
  show(refusals, nowMs) {
    this.#refusals = refusals
    this.#nowMs = nowMs
    const keyed = keysOf(refusals).slice(0, this.#isWhole ? undefined : few)
    this.#rows = new Map(
      keyed.map(([key, refusal]) => [key, this.#rows.get(key) ?? newRefusalRow(refusal)]),
    )
    arrange(
      this.#body,
      [...this.#rows.values()].map(({ element }) => element),
    )
    this.tick(nowMs)
    byId('refusals-empty').hidden = refusals.length > 0
    this.#more.hidden = refusals.length <= keyed.length
    write(this.#more, `Show all ${refusals.length}`)
    const note = refusals.length === 0 ? '' : 'of this machine, the latest first'
    write(byId('refusals-note'), note)
  }

  /** @param {number} nowMs by the server's clock */
  tick(nowMs) {
    for (const { at, time } of this.#rows.values()) showTime(at, time, nowMs)
  }

  clear() {
    this.#rows.clear()
    this.#body.replaceChildren()
    this.#isWhole = false
  }
}

/**
 * A name for each that it keeps when others come: the same refusal twice within a millisecond is told apart by its number,
 * counted from the earliest.
 *
 * @param {readonly Refusal[]} refusals
 * @returns {[string, Refusal][]}
 */
function keysOf(refusals) {
  /** @type {Map<string, number>} */
  const counts = new Map()
  return [...refusals]
    .reverse()
    .map((refusal) => {
      const text = JSON.stringify(refusal)
      const count = (counts.get(text) ?? 0) + 1
      counts.set(text, count)
      return /** @type {[string, Refusal]} */ ([`${count} ${text}`, refusal])
    })
    .reverse()
}

/** @param {Refusal} refusal */
function newRefusalRow({ at, reason, detail, path, rule, method, client, status }) {
  const element = newRow('refusal-row')
  const slots = slotsOf(element, slotNames)
  write(slots.reason, reason)
  write(slots.detail, detail)
  slots.detail.title = detail
  write(slots.path, path || 'a path that no rule reads')
  slots.path.title = path
  write(slots.rule, `${method}, ${rule === 'none' ? 'no rule' : `rule ${rule}`}`)
  write(slots.client, client)
  write(slots.status, String(status))
  return { element, at: slots.at, time: at }
}
