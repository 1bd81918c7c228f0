import { deviceName } from './device.js'
import { newRow, slotsOf, write } from './dom.js'
import { showTime } from './time.js'

/**
 * @typedef {object} Session as the admin API shows it
 * @property {string} sessionId
 * @property {'active' | 'idle' | 'ended'} state
 * @property {string | null} subject
 * @property {string} rule
 * @property {string} path
 * @property {string} client
 * @property {string} userAgent
 * @property {string} openedAt
 * @property {string} seenAt
 * @property {number} requests
 * @property {string | null} parent
 */

const slotNames = /** @type {const} */ ([
  'subject',
  'path',
  'rule',
  'client',
  'device',
  'opened',
  'seen',
  'requests',
  'state',
])
const stateWords = { active: 'playing', idle: 'idle', ended: 'ended' }

/** The row of one session. It stays the same element however often the session is shown anew. */
export class SessionRow {
  #isEnding = false

  /** @param {Session} session */
  constructor(session) {
    this.session = { ...session }
    this.element = newRow('session-row')
    this.element.dataset.session = session.sessionId
    this.slots = slotsOf(this.element, slotNames)
    this.endButton = /** @type {HTMLButtonElement} */ (
      this.element.querySelector('[data-act="end"]')
    )
    this.subjectButton = /** @type {HTMLButtonElement} */ (
      this.element.querySelector('[data-act="end-subject"]')
    )
    const { subject, path, rule, client, userAgent, parent } = session
    const { slots } = this
    write(slots.subject, subject ?? 'no subject')
    slots.subject.title = subject ?? 'Its access token has no id'
    slots.subject.classList.toggle('nobody', subject === null)
    write(slots.path, path)
    slots.path.title = path
    write(slots.rule, parent === null ? `rule ${rule}` : `rule ${rule}, cast to another device`)
    slots.rule.title = parent === null ? '' : `A link of session ${parent}, and ends with it`
    write(slots.client, client)
    write(slots.device, deviceName(userAgent))
    slots.device.title = userAgent || 'no User-Agent'
    const whose = subject === null ? `of ${path}` : `of ${subject}, ${path}`
    this.endButton.setAttribute('aria-label', `End the session ${whose}`)
    this.subjectButton.hidden = subject === null
    this.subjectButton.setAttribute('aria-label', `End all sessions of ${subject}`)
  }

  get isEnded() {
    return this.session.state === 'ended'
  }

  get canEnd() {
    return !this.isEnded && !this.#isEnding
  }

  /**
   * @param {Session} session
   * @param {number} nowMs by the server's clock
   */
  show(session, nowMs) {
    const grew = session.requests > this.session.requests
    // What was ended here stays ended, whatever an answer says that was on its way then.
    const state = this.isEnded ? 'ended' : session.state
    this.session = { ...session, state }
    this.element.toggleAttribute('data-grew', grew)
    write(this.slots.requests, session.requests.toLocaleString())
    this.#showState()
    this.tick(nowMs)
  }

  /** @param {number} nowMs by the server's clock */
  tick(nowMs) {
    showTime(this.slots.opened, this.session.openedAt, nowMs)
    showTime(this.slots.seen, this.session.seenAt, nowMs)
  }

  /** Until the answer is there nobody clicks twice. */
  beginEnding() {
    this.#isEnding = true
    this.#showState()
  }

  /** @param {boolean} isEnded `false`: it goes on, and may be tried again */
  finishEnding(isEnded) {
    this.#isEnding = false
    if (isEnded) this.session.state = 'ended'
    this.#showState()
  }

  #showState() {
    const { state } = this.session
    this.element.dataset.state = state
    if (this.isEnded) this.element.removeAttribute('data-grew')
    write(this.slots.state, stateWords[state])
    // Not `disabled`: the button would lose the focus, and the keyboard its place.
    this.endButton.setAttribute('aria-disabled', String(!this.canEnd))
    write(this.endButton, this.isEnded ? 'Ended' : this.#isEnding ? 'Ending…' : 'End')
  }
}
