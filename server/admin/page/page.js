import { createApi, Problem, Unreachable } from './api.js'
import { byId, whisper, write } from './dom.js'
import { showFigures } from './figures-view.js'
import { RefusalsView } from './refusals-view.js'
import { SessionsView } from './sessions-view.js'
import { clockTime } from './time.js'

const pollMs = 2_000

/** Holds the token, and is all that holds it. @type {import('./api.js').Api | null} */
let api = null
/** Of the server's clock to ours. */
let aheadMs = 0
let heardAtMs = 0
/** Of the poll that counts; an answer to an earlier one comes too late. */
let turn = 0
let timer = 0
let servesSessions = true

const sessions = new SessionsView(
  () => api,
  () => void poll(),
)
const refusals = new RefusalsView()

const door = byId('door')
const desk = byId('desk')
const doorError = byId('door-error')
const tokenField = /** @type {HTMLInputElement} */ (byId('token'))

byId('door-form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = tokenField.value.trim()
  write(doorError, '')
  // No other token can be one; nor could a header carry it.
  const problem = /^[!-~]+$/.test(token) ? await enter(token) : wrongToken
  if (problem === null) return
  write(doorError, problem)
  tokenField.select()
})
byId('leave').addEventListener('click', () => leave(''))
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer)
  if (!document.hidden) void poll()
})

const wrongToken = 'That is not the admin token of this server.'

/**
 * @param {string} token
 * @returns {Promise<string | null>} what is wrong; `null`: the page is open
 */
async function enter(token) {
  const opened = createApi(token)
  try {
    await opened.summary()
  } catch (error) {
    if (!(error instanceof Problem)) return 'The server does not answer. Try again.'
    return error.status === 401 ? wrongToken : `The server answers ${error.status}.`
  }
  api = opened
  tokenField.value = ''
  for (const element of [byId('pulse'), byId('leave'), byId('figures'), desk]) {
    element.hidden = false
  }
  door.hidden = true
  byId('sessions-title').focus()
  await poll()
  return null
}

/** @param {string} why */
function leave(why) {
  api = null
  turn += 1
  clearTimeout(timer)
  sessions.clear()
  refusals.clear()
  for (const element of [byId('pulse'), byId('leave'), byId('figures'), desk]) {
    element.hidden = true
  }
  door.hidden = false
  write(doorError, why)
  tokenField.focus()
}

/** Asks for everything, shows it, and does so again while somebody looks. */
async function poll() {
  if (api === null) return
  clearTimeout(timer)
  turn += 1
  const mine = turn
  const asked = await Promise.allSettled([api.summary(), sessions.find(api), api.refusals()])
  if (mine !== turn) return
  show(asked)
  if (api !== null && !document.hidden) timer = setTimeout(() => void poll(), pollMs)
}

/** @param {PromiseSettledResult<any>[]} asked summary, sessions, refusals */
function show([summary, found, refused]) {
  const failures = [summary, found, refused].flatMap((one) =>
    one?.status === 'rejected' ? [one.reason] : [],
  )
  const statuses = failures.map(({ status }) => status)
  if (statuses.includes(401))
    return leave('The admin token was changed: that one is not good any more.')
  if (statuses.includes(404)) return leave('This server has no admin API any more.')
  if (summary?.status === 'fulfilled') {
    heardAtMs = Date.now()
    aheadMs = Date.parse(summary.value.now) - heardAtMs
    servesSessions = summary.value.rules.some((/** @type {any} */ rule) => rule.hasSessions)
    showFigures(summary.value)
  }
  const nowMs = Date.now() + aheadMs
  if (found?.status === 'fulfilled') sessions.show(found.value, nowMs, servesSessions)
  else sessions.tick(nowMs)
  if (refused?.status === 'fulfilled') refusals.show(refused.value.refusals, nowMs)
  else refusals.tick(nowMs)
  showPulse(failures)
}

/** @param {readonly Error[]} failures */
function showPulse(failures) {
  const pulse = byId('pulse')
  const [failure] = failures
  const wasTrouble = pulse.hasAttribute('data-trouble')
  const trouble =
    failure === undefined
      ? undefined
      : failures.some((one) => one instanceof Unreachable)
        ? `No answer since ${clockTime(heardAtMs)}`
        : failures.some((one) => one instanceof Problem && one.status === 503)
          ? 'The store does not answer'
          : `The server answers “${failure.message}”`
  document.body.classList.toggle('stale', trouble !== undefined)
  pulse.toggleAttribute('data-trouble', trouble !== undefined)
  write(pulse, trouble ?? `Live, ${clockTime(heardAtMs)}`)
  if ((trouble !== undefined) !== wasTrouble) whisper(trouble ?? 'The server answers again')
}
