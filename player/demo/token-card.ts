import { h } from './dom.ts'
import { formatClock, formatLeft } from './time.ts'
import { type ExplainedField, explainToken, readableValue } from './token-text.ts'

interface Issued {
  readonly token: string
  readonly parameter: string
  /** Seconds. */
  readonly expiresIn: number
}

/** One of the two tokens on the page: its text, its fields, and how long it has left. */
export interface TokenCard {
  show(issued: Issued): void
  /** It was exchanged: from here on nothing needs it. */
  used(): void
  /** Seconds left, once more; `null` before there is a token. */
  tick(): number | null
}

/**
 * @param card has slots: `left`, `bar`, `text`, `fields`
 * @param now milliseconds, never set back
 */
export function createTokenCard(
  card: HTMLElement,
  kind: 'access' | 'session',
  now: () => number = () => performance.now(),
): TokenCard {
  const slot = (name: string) => {
    const found = card.querySelector<HTMLElement>(`[data-slot="${name}"]`)
    if (found === null) throw new Error(`no slot ${name}`)
    return found
  }
  let end = 0
  let life = 0
  let clock: HTMLElement | null = null

  function tick(): number | null {
    if (life === 0) return null
    // The end is counted from when it came: this machine's clock may differ from the server's.
    const left = Math.max(0, (end - now()) / 1000)
    const text = formatLeft(left)
    slot('left').textContent = text
    if (clock !== null) clock.textContent = left > 0 ? `in ${text}` : 'over'
    slot('bar').style.setProperty('--share', String(left / life))
    card.dataset.state = left > 0 ? 'live' : 'ended'
    return left
  }

  return {
    show({ token, parameter, expiresIn }) {
      end = now() + expiresIn * 1000
      life = expiresIn
      delete card.dataset.used
      const fields = explainToken(token, kind)
      slot('text').replaceChildren(
        h('span', { class: 'token-name' }, `${parameter}=`),
        ...fields.flatMap(writeField),
      )
      clock = h('span', { class: 'moment' })
      slot('fields').replaceChildren(
        ...fields.map((field) => describeField(field, field.name === 'exp' ? clock : null)),
        ...(kind === 'access' ? describeLeftOut(fields) : []),
      )
      tick()
    },
    used() {
      card.dataset.used = ''
    },
    tick,
  }
}

function writeField({ name, value }: ExplainedField, index: number): Node[] {
  const text = h(
    'span',
    { class: 'piece', 'data-field': name },
    h('b', {}, name),
    value === '' ? null : `=${value}`,
  )
  return index === 0 ? [text] : [h('i', {}, '~'), document.createElement('wbr'), text]
}

function describeField(field: ExplainedField, clock: HTMLElement | null): HTMLElement {
  const isTime = field.name === 'exp' || field.name === 'st'
  const value = isTime ? formatClock(Number(field.value)) : readableValue(field)
  return h(
    'div',
    { class: 'field', 'data-field': field.name },
    h('dt', {}, field.name),
    h('dd', { class: 'value' }, value, clock && ' ', clock),
    h('dd', { class: 'meaning' }, field.meaning),
  )
}

/** What a site may add, so that nobody takes the demo's token for all there is. */
function describeLeftOut(fields: readonly ExplainedField[]): HTMLElement[] {
  const names = ['ip', 'id', 'data'].filter((name) => fields.every((field) => field.name !== name))
  if (names.length === 0) return []
  return [
    h(
      'div',
      { class: 'field left-out' },
      h('dt', {}, names.join(' ')),
      h('dd', { class: 'value' }, 'left out here'),
      h(
        'dd',
        { class: 'meaning' },
        'A site may add the viewer’s address, an id for the viewer, or a note of its own.',
      ),
    ),
  ]
}
