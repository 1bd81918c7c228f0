import { find, h, icon } from '../dom.ts'
import { SiteError } from '../site.ts'
import { formatMoment } from '../time.ts'
import { describeFailure } from './failure.ts'
import { type KeptToken, listTokens, type MadeToken, revokeToken } from './site.ts'
import { type Tried, tryToOpen } from './try-link.ts'

export interface KeptPanel {
  /** A token was made here: its text is known to this page alone. */
  add(made: MadeToken): void
}

interface Row {
  readonly element: HTMLElement
  setGone(): void
}

/** The tokens that the server keeps, until they are revoked. */
export function createKeptPanel(): KeptPanel {
  const list = find('#kept-list', HTMLElement)
  const empty = find('#kept-empty', HTMLElement)
  const trouble = find('#kept-trouble', HTMLElement)
  const spoken = find('#kept-spoken', HTMLElement)
  const links = new Map<string, string>()
  const rows = new Map<string, Row>()

  async function refresh(): Promise<void> {
    await saying(async () => {
      const tokens = await listTokens()
      const there = new Set(tokens.map(({ id }) => id))
      for (const [id, row] of rows) if (!there.has(id)) row.setGone()
      // The latest first.
      for (const token of [...tokens].reverse()) {
        if (rows.has(token.id)) continue
        const row = createRow(token)
        rows.set(token.id, row)
        list.prepend(row.element)
      }
      empty.hidden = rows.size > 0
    })
  }

  function createRow(token: KeptToken): Row {
    const { id, name } = token
    const link = links.get(id)
    const called = name ?? 'without a name'
    const outcome = h('p', { class: 'kept-outcome', 'data-testid': 'kept-outcome' })
    const tryButton = h('button', { class: 'quiet', type: 'button' }, icon('arrow'), 'Try it')
    const revoke = h('button', { class: 'quiet danger', type: 'button' }, icon('cross'), 'Revoke')
    revoke.setAttribute('aria-label', `Revoke: ${called}`)
    tryButton.setAttribute('aria-label', `Try it: ${called}`)
    tryButton.hidden = link === undefined
    const element = h(
      'li',
      { class: 'kept', 'data-testid': 'kept-token', 'data-state': 'kept' },
      h(
        'div',
        { class: 'kept-what' },
        h('p', { class: 'kept-name' }, called, h('span', { class: 'kept-gone' }, 'revoked')),
        h('p', { class: 'kept-facts' }, factsOf(token).join(' · ')),
        outcome,
      ),
      h('div', { class: 'kept-acts' }, tryButton, revoke),
    )

    function setGone(): void {
      element.dataset.state = 'revoked'
      revoke.hidden = true
    }
    async function attempt(before: string): Promise<void> {
      if (link === undefined) return
      const tried = await tryToOpen(link)
      element.dataset.status = String(tried.status)
      outcome.replaceChildren(...writeOutcome(before, tried))
      spoken.textContent = outcome.textContent
    }
    tryButton.addEventListener('click', () => void saying(() => attempt('Its link: ')))
    revoke.addEventListener('click', () => {
      void saying(async () => {
        revoke.disabled = true
        try {
          await revokeToken(id)
        } finally {
          revoke.disabled = false
        }
        setGone()
        if (link !== undefined) {
          tryButton.focus()
          await attempt('Revoked. The same link: ')
        } else {
          outcome.textContent = 'Revoked: whoever has it is refused from now on.'
          spoken.textContent = outcome.textContent
        }
      })
    })
    return { element, setGone }
  }

  async function saying(work: () => Promise<void>): Promise<void> {
    trouble.textContent = ''
    try {
      await work()
    } catch (error) {
      if (!(error instanceof SiteError)) throw error
      trouble.textContent = describeFailure(error, error.problems)
    }
  }

  void refresh()
  return {
    add({ id, link }) {
      if (id === null) return
      if (link !== null) links.set(id, link)
      void refresh()
    },
  }
}

function factsOf({ id, ip, referrer, createdAt, usedAt }: KeptToken): string[] {
  const at = (iso: string): string => formatMoment(Date.parse(iso) / 1000)
  return [
    `made ${at(createdAt)}`,
    ...(usedAt === null ? [] : [`used ${at(usedAt)}`]),
    ...(ip === null ? [] : [`from ${ip}`]),
    ...(referrer === null ? [] : [`on pages of ${referrer}`]),
    `id ${id.slice(0, 8)}…`,
  ]
}

function writeOutcome(before: string, { status, reason, detail }: Tried): (Node | string)[] {
  const isOpened = status === 200
  return [
    before,
    h(
      'b',
      { 'data-opened': String(isOpened) },
      icon(isOpened ? 'check' : 'cross'),
      isOpened ? `${status}, the playlist` : `${status} ${reason ?? ''}`,
    ),
    detail === null ? '' : ` (${detail})`,
  ]
}
