import {
  type AttemptAnswer,
  type AttemptKind,
  attemptKinds,
  attemptNames,
  describeAttempt,
  isOpened,
  reasonOf,
} from './attempt.ts'
import { writeChecks, writePart } from './check-list.ts'
import { find, findPart, h, icon } from './dom.ts'
import { changedPart, type RequestRecord } from './requests.ts'
import { SiteError, tryLink } from './site.ts'
import { formatClock } from './time.ts'

/** The buttons that try a link as a thief would, and what came of it. */
export function createStealPanel(link: () => RequestRecord | null): void {
  const result = findPart('steal-result')
  const spoken = find('#steal-spoken', HTMLElement)
  let latest = 0

  async function attempt(kind: AttemptKind, button: HTMLElement): Promise<void> {
    const record = link()
    if (record === null) {
      fail('There is no link yet: the film has not begun.')
      return
    }
    const mine = ++latest
    result.setAttribute('aria-busy', 'true')
    delete result.dataset.status
    delete result.dataset.reason
    button.dataset.busy = ''
    try {
      const answer = await tryLink(kind, record.url)
      mark(button, answer.status)
      if (mine === latest) show(kind, record, answer)
    } catch (error) {
      if (!(error instanceof SiteError)) throw error
      if (mine === latest) {
        fail(
          error.status === 0
            ? 'The demo’s server does not answer. Is it still running?'
            : `The demo’s server could not try that link: it ${error.message}.`,
        )
      }
    } finally {
      delete button.dataset.busy
      if (mine === latest) result.removeAttribute('aria-busy')
    }
  }

  function show(kind: AttemptKind, record: RequestRecord, answer: AttemptAnswer): void {
    const reason = reasonOf(answer)
    const words = describeAttempt(kind, answer.status, reason)
    result.dataset.kind = kind
    result.dataset.opened = String(isOpened(answer.status))
    result.dataset.reason = reason ?? ''
    result.replaceChildren(
      writeVerdict(kind, answer, reason, words),
      writeQuestion(kind, record, answer),
      writeChecks(answer.explanation, answer.status),
      writeAnswer(answer),
    )
    result.dataset.status = String(answer.status)
    result.firstElementChild?.scrollIntoView({ block: 'nearest' })
    spoken.textContent = `${attemptNames[kind]}: ${answer.status}, ${verdict(answer.status)}. ${words}`
  }

  function fail(text: string): void {
    result.dataset.opened = 'unknown'
    result.replaceChildren(h('p', { class: 'result-empty' }, text))
    spoken.textContent = text
  }

  for (const kind of attemptKinds) {
    const button = findPart(`steal-${kind}`)
    button.addEventListener('click', () => void attempt(kind, button))
  }
}

function verdict(status: number): string {
  return isOpened(status) ? 'opened' : 'refused'
}

/** The outcome stays on the button, so that all five can be seen at a glance. */
function mark(button: HTMLElement, status: number): void {
  const opened = isOpened(status)
  const slot = find('[data-slot="outcome"]', HTMLElement, button)
  slot.dataset.opened = String(opened)
  slot.replaceChildren(icon(opened ? 'check' : 'cross'), String(status))
}

function writeVerdict(
  kind: AttemptKind,
  { status }: AttemptAnswer,
  reason: string | null,
  words: string,
): HTMLElement {
  const opened = isOpened(status)
  return h(
    'div',
    { class: 'verdict' },
    h('span', { class: 'verdict-mark' }, icon(opened ? 'check' : 'cross')),
    h(
      'div',
      {},
      h('p', { class: 'verdict-kind' }, attemptNames[kind]),
      h(
        'p',
        { class: 'verdict-status' },
        `${status} ${verdict(status)}`,
        reason === null ? null : h('code', {}, reason),
      ),
      h('p', { class: 'verdict-words' }, words),
    ),
  )
}

function writeQuestion(
  kind: AttemptKind,
  { url }: RequestRecord,
  answer: AttemptAnswer,
): HTMLElement {
  const { before, changed, after } = changedPart(url, answer.url)
  const marked = (text: string, isChanged: boolean) => (isChanged ? h('mark', {}, text) : text)
  return writePart(
    'What was asked',
    h(
      'div',
      { class: 'wire', role: 'group', 'aria-label': 'The request' },
      h(
        'p',
        { class: 'wire-url' },
        h('b', {}, 'GET '),
        before,
        changed === '' ? null : marked(changed, true),
        after,
      ),
      h('p', {}, h('b', {}, 'User-Agent: '), marked(answer.userAgent, kind === 'other-agent')),
      answer.asOf === null
        ? null
        : h('p', {}, h('b', {}, 'Judged as of: '), marked(formatClock(answer.asOf), true)),
    ),
  )
}

function writeAnswer({ status, problem }: AttemptAnswer): HTMLElement {
  const text =
    problem === null
      ? 'The object itself.'
      : JSON.stringify(problem, null, 1).replace(/\n\s*/g, ' ')
  return writePart(
    isOpened(status) ? 'What the viewer gets' : 'What the thief is told',
    h('div', { class: 'wire' }, h('p', {}, text)),
  )
}
