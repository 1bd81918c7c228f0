import { announce, arrange, byId, write } from './dom.js'
import { findSessions, latestFirst, mayShowMore } from './find-sessions.js'
import { SessionRow } from './session-row.js'

/** @typedef {import('./session-row.js').Session} Session */

/** What was ended from here is left standing for so long, for the eye to see it. */
const keepEndedMs = 60_000
const typingMs = 250

/** The table of sessions with its filter: rows come and go, change in place, and can be ended. */
export class SessionsView {
  /** @type {Map<string, SessionRow>} */
  #rows = new Map()
  /** When those were ended that were ended from here. @type {Map<string, number>} */
  #endedHere = new Map()
  #pages = 1
  #nowMs = Date.now()
  #body = byId('session-rows')
  #filter = /** @type {HTMLInputElement} */ (byId('filter'))
  #state = /** @type {HTMLSelectElement} */ (byId('state'))
  #more = byId('more')
  /** Whose sessions are being ended. @type {Set<string>} */
  #endingSubjects = new Set()
  #hasMouse = false
  /** The user asked to see other rows, and waits for them. */
  #isAskedFor = false
  /** @type {() => import('./api.js').Api | null} */
  #api

  /**
   * @param {() => import('./api.js').Api | null} api `null`: nobody is signed in
   * @param {() => void} onChange the user wants to see something else: ask at once
   */
  constructor(api, onChange) {
    this.#api = api
    let typing = 0
    const changed = () => {
      this.#pages = 1
      this.#endedHere.clear()
      this.#isAskedFor = true
      onChange()
    }
    this.#filter.addEventListener('input', () => {
      clearTimeout(typing)
      typing = setTimeout(changed, typingMs)
    })
    this.#state.addEventListener('change', changed)
    this.#more.addEventListener('click', () => {
      this.#pages += 1
      onChange()
    })
    this.#body.addEventListener('click', (event) => {
      const button = /** @type {Element} */ (event.target).closest('button')
      const row = this.#rows.get(button?.closest('tr')?.dataset.session ?? '')
      if (button === null || row === undefined) return
      if (button.dataset.act === 'end') void this.#end(row)
      else void this.#endSubject(row)
    })
    this.#body.addEventListener('pointerover', ({ pointerType }) => {
      this.#hasMouse = pointerType === 'mouse'
    })
    this.clearFilter = () => {
      this.#filter.value = ''
      this.#state.value = ''
      this.#filter.focus()
      changed()
    }
  }

  /** What the user wants to see. */
  get wanted() {
    return { text: this.#filter.value.trim(), state: this.#state.value, pages: this.#pages }
  }

  /** @param {import('./api.js').Api} api */
  find(api) {
    return findSessions(api, this.wanted)
  }

  /**
   * @param {Awaited<ReturnType<typeof findSessions>>} found
   * @param {number} nowMs by the server's clock
   * @param {boolean} servesSessions does any rule open sessions at all?
   */
  show({ sessions, more, searched }, nowMs, servesSessions) {
    this.#nowMs = nowMs
    const known = new Map(sessions.map((session) => [session.sessionId, session]))
    for (const [id, atMs] of this.#endedHere) {
      const row = this.#rows.get(id)
      if (row === undefined || nowMs - atMs > keepEndedMs) this.#endedHere.delete(id)
      else if (!known.has(id)) known.set(id, row.session)
    }
    const wanted = [...known.values()].sort(latestFirst)
    for (const session of wanted) this.#rows.get(session.sessionId)?.show(session, nowMs)
    const coming = wanted.filter(({ sessionId }) => !this.#rows.has(sessionId)).length
    const going = this.#rows.size + coming - wanted.length
    // A row must not slip under a pointer that is about to end another; but who asked for other rows gets them.
    const held = this.#isAimedAt() && !this.#isAskedFor ? coming + going : 0
    if (held === 0) this.#arrange(wanted)
    this.#isAskedFor = false
    this.#describe({ shown: sessions.length, held, more, searched })
    this.#more.hidden = !(more && mayShowMore(this.#pages))
    this.#showEmpty(this.#rows.size === 0, servesSessions)
  }

  /** @param {number} nowMs by the server's clock */
  tick(nowMs) {
    for (const row of this.#rows.values()) row.tick(nowMs)
  }

  clear() {
    this.#rows.clear()
    this.#endedHere.clear()
    this.#body.replaceChildren()
    this.#pages = 1
  }

  /** @param {readonly Session[]} wanted */
  #arrange(wanted) {
    const rows = wanted.map((session) => {
      const known = this.#rows.get(session.sessionId)
      if (known !== undefined) return known
      const row = new SessionRow(session)
      row.show(session, this.#nowMs)
      return row
    })
    this.#rows = new Map(rows.map((row) => [row.session.sessionId, row]))
    const focused = document.activeElement
    const hadFocus = this.#body.contains(focused)
    arrange(
      this.#body,
      rows.map(({ element }) => element),
    )
    // The keyboard goes on from where the row was.
    if (hadFocus && !focused?.isConnected) byId('sessions-title').focus()
  }

  /** Is the mouse on a button of a row? Fingers leave `:hover` behind, and point at nothing. */
  #isAimedAt() {
    return this.#hasMouse && this.#body.querySelector('button:hover') !== null
  }

  /** @param {{ shown: number, held: number, more: boolean, searched: number | null }} counts */
  #describe({ shown, held, more, searched }) {
    const notes = []
    if (more) notes.push(`the latest ${shown.toLocaleString()}; there are more`)
    if (searched !== null) {
      notes.push(`searched the latest ${searched.toLocaleString()}, and all for the whole of it`)
    }
    if (held > 0)
      notes.push(
        `${held} ${held === 1 ? 'change waits' : 'changes wait'} while you point at a button`,
      )
    write(byId('sessions-note'), notes.join(' · '))
  }

  /**
   * @param {boolean} isEmpty
   * @param {boolean} servesSessions
   */
  #showEmpty(isEmpty, servesSessions) {
    const empty = byId('sessions-empty')
    empty.hidden = !isEmpty
    const { text, state } = this.wanted
    const kind = text !== '' || state !== '' ? 'filtered' : servesSessions ? 'quiet' : 'none'
    if (!isEmpty || empty.dataset.kind === kind) return
    empty.dataset.kind = kind
    const title = document.createElement('b')
    const advice = document.createElement('p')
    empty.replaceChildren(title, advice)
    if (kind === 'filtered') {
      title.textContent = 'No session fits.'
      const clear = document.createElement('button')
      clear.type = 'button'
      clear.textContent = 'Clear the filter'
      clear.addEventListener('click', () => this.clearFilter())
      empty.append(clear)
    } else if (kind === 'quiet') {
      title.textContent = 'Nobody is playing.'
      advice.textContent =
        'A session appears here when a viewer opens a playlist with an access token. To try it, mint one with ' +
        '“npx playgate token mint” and open a playlist with it.'
    } else {
      title.textContent = 'No rule of this server opens sessions.'
      advice.textContent = 'Put “session: {}” into a rule of its configuration.'
    }
  }

  /** @param {SessionRow} row */
  async #end(row) {
    const api = this.#api()
    if (api === null || !row.canEnd) return
    await this.#during([row], async () => {
      await api.end(row.session.sessionId)
      return `Ended ${whose(row.session)}.`
    })
  }

  /** @param {SessionRow} row */
  async #endSubject(row) {
    const api = this.#api()
    const { subject } = row.session
    if (api === null || subject === null || this.#endingSubjects.has(subject)) return
    this.#endingSubjects.add(subject)
    const rows = [...this.#rows.values()].filter(
      (one) => one.session.subject === subject && one.canEnd,
    )
    await this.#during(rows, async () => {
      const { ended, more } = await api.endSubject(subject)
      const count = `${more ? 'at least ' : ''}${ended} ${ended === 1 ? 'session' : 'sessions'}`
      return `Ended ${count} of ${subject}.`
    })
    this.#endingSubjects.delete(subject)
  }

  /**
   * @param {readonly SessionRow[]} rows
   * @param {() => Promise<string>} work returns what to tell
   */
  async #during(rows, work) {
    for (const row of rows) row.beginEnding()
    try {
      const told = await work()
      for (const row of rows) {
        row.finishEnding(true)
        this.#endedHere.set(row.session.sessionId, this.#nowMs)
      }
      announce(told)
    } catch (error) {
      for (const row of rows) row.finishEnding(false)
      const { status = 0 } = /** @type {{ status?: number }} */ (error)
      announce(
        status === 503
          ? 'Not ended for sure: the store does not answer. Try again.'
          : 'Not ended: the server did not answer as it should. Try again.',
      )
    }
  }
}

/** @param {Session} session */
function whose({ subject, path }) {
  return subject === null ? `the session of ${path}` : `the session of ${subject}`
}
