import { type AttemptAnswer, describeAttempt, isOpened, reasonOf } from '../attempt.ts'
import { copyLink } from '../copy-link.ts'
import { find, findPart, h, icon } from '../dom.ts'
import { carriedToken, tokenMark } from '../requests.ts'
import { tryLink } from '../site.ts'
import { drawQr } from './qr.ts'

/** The proof that a link of the player that goes on opens nothing elsewhere. */
export interface DeadLink {
  /** A link that it has just played. The first one is taken, and whichever is the latest when somebody asks for another. */
  offer(url: string): void
  /** The player starts anew: the link that stands there is an old one. */
  forget(): void
}

/** Nobody else can ask for these. */
const ownNames = /^(localhost|127\.|0\.0\.0\.0|\[::1?\])/

export function createDeadLink(): DeadLink {
  const text = find('#dead-url', HTMLElement)
  const open = find('#dead-open', HTMLAnchorElement)
  const copy = find('#dead-copy', HTMLButtonElement)
  const another = find('#dead-another', HTMLButtonElement)
  const attempt = find('#dead-try', HTMLButtonElement)
  const result = findPart('dead-result')
  const code = findPart('dead-qr')
  let taken: string | null = null
  let latest: string | null = null

  function take(): void {
    if (latest === null) return
    taken = latest
    const page = elsewhere(taken)
    const carried = carriedToken(taken)
    text.replaceChildren(
      taken.replace(/\?.*/, ''),
      carried === null ? '' : h('span', {}, `?${carried.name}=…${tokenMark(carried.token)}`),
    )
    open.href = page
    for (const button of [copy, another, attempt]) button.disabled = false
    result.replaceChildren()
    delete result.dataset.status
    const isReachable = !ownNames.test(location.hostname)
    code.hidden = !isReachable
    find('#dead-local', HTMLElement).hidden = isReachable
    if (isReachable) code.replaceChildren(drawQr(page, 'QR code of the link'))
  }

  async function tryElsewhere(link: string): Promise<void> {
    attempt.disabled = true
    const told = await tryLink('other-agent', link).then(verdict, () => [
      'The demo’s server does not answer.',
    ])
    result.replaceChildren(...told)
    attempt.disabled = false
  }

  function verdict(answer: AttemptAnswer): readonly (Node | string)[] {
    const { status } = answer
    const reason = reasonOf(answer)
    const opened = isOpened(status)
    result.dataset.status = String(status)
    result.dataset.opened = String(opened)
    return [
      h(
        'b',
        {},
        icon(opened ? 'check' : 'cross'),
        `${status} ${opened ? 'opened' : 'refused'}`,
        reason === null ? null : h('code', {}, reason),
      ),
      h('span', {}, describeAttempt('other-agent', status, reason)),
    ]
  }

  another.addEventListener('click', take)
  copy.addEventListener('click', () => {
    if (taken !== null) void copyLink(taken)
  })
  attempt.addEventListener('click', () => {
    if (taken !== null) void tryElsewhere(taken)
  })

  return {
    offer(url) {
      latest = url
      if (taken === null) take()
    },
    forget() {
      taken = null
      latest = null
    },
  }
}

/** A page that asks for the link wherever it is opened. What stands behind the # is sent to no server. */
function elsewhere(link: string): string {
  return new URL(`elsewhere.html#${link}`, location.href).href
}
