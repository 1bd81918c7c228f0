import '../style/elsewhere.css'
import { describeReason, isOpened } from '../attempt.ts'
import { find } from '../dom.ts'
import { shortPath } from '../requests.ts'

const title = find('#title', HTMLElement)
const words = find('#words', HTMLElement)
const answer = find('#answer', HTMLElement)

/** Asks for the link that the page was opened with, from wherever that is. */
async function ask(link: string): Promise<void> {
  document.body.dataset.outcome = 'asking'
  const response = await fetch(link, { cache: 'no-store' }).catch(() => null)
  if (response === null) {
    show('unknown', 'No answer', 'The server of the demo cannot be reached from here.')
    return
  }
  const { status } = response
  const opened = isOpened(status)
  if (opened) await response.body?.cancel()
  const { reason = null }: { reason?: string | null } = opened ? {} : await problemOf(response)
  answer.textContent = `${status}${reason === null ? '' : ` ${reason}`}`
  document.body.dataset.status = String(status)
  if (opened) {
    show(
      'opened',
      'It opened here',
      'This is the browser that the token was made for, or one of the same make and version, and its ten seconds are not over. ' +
        'Open this page in another browser, or on a phone.',
    )
    return
  }
  const late = reason === 'token-expired'
  show(
    'refused',
    'Refused here',
    late
      ? 'This is the browser that the token was made for, but its ten seconds are over. The player has long had another one.'
      : `${describeReason(reason)} It was made for the browser that plays, and opens nothing in this one.`,
  )
}

async function problemOf(response: Response): Promise<{ reason?: string }> {
  const { reason }: { reason?: unknown } = Object(await response.json().catch(() => null))
  return typeof reason === 'string' ? { reason } : {}
}

function show(outcome: string, heading: string, text: string): void {
  document.body.dataset.outcome = outcome
  title.textContent = heading
  words.textContent = text
}

function begin(): void {
  const link = location.hash.slice(1)
  // Only what the gate protects: the page asks for nothing else that somebody puts behind the #.
  if (!link.startsWith('/vod/')) {
    show('unknown', 'No link', 'This page wants a link of the player behind its #.')
    return
  }
  find('#link', HTMLElement).textContent = shortPath(link)
  find('#agent', HTMLElement).textContent = navigator.userAgent
  void ask(link)
}

find('#again', HTMLButtonElement).addEventListener('click', begin)
addEventListener('hashchange', begin)
begin()
