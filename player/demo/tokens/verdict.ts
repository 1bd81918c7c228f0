import { describeReason } from '../attempt.ts'
import { type Explanation, writeChecks, writePart } from '../check-list.ts'
import { h, icon } from '../dom.ts'
import type { TakenApart, Typed } from './site.ts'

/** Would the request that carries it be let in? */
export function isGood({ explanation }: TakenApart): boolean {
  const outcome = explanation?.answer.outcome
  return outcome === 'access' || outcome === 'session' || outcome === 'open'
}

export interface VerdictFacts {
  /** What the request was said to be, besides its URL. */
  readonly asked: Typed
  readonly isChanged: boolean
}

/** What the rule says to the request that carries the token, and why. */
export function writeVerdict(taken: TakenApart, { asked, isChanged }: VerdictFacts): HTMLElement {
  const { url, explanation } = taken
  if (url === null || explanation === null) {
    return h('p', { class: 'no-verdict' }, 'No rule can be asked about it.')
  }
  const good = isGood(taken)
  const status = statusOf(explanation)
  return h(
    'section',
    { class: 'result', 'data-opened': String(good), 'data-testid': 'verdict' },
    h(
      'div',
      { class: 'verdict' },
      h('span', { class: 'verdict-mark' }, icon(good ? 'check' : 'cross')),
      h(
        'div',
        {},
        h('p', { class: 'verdict-kind' }, isChanged ? 'One character changed' : 'As it stands'),
        h(
          'p',
          { class: 'verdict-status' },
          good ? 'good' : `${status} ${explanation.answer.outcome.replace('-', ' ')}`,
          explanation.answer.reason === null ? null : h('code', {}, explanation.answer.reason),
        ),
        h('p', { class: 'verdict-words' }, words(taken)),
      ),
    ),
    writePart(
      'The request that it was judged with',
      h(
        'div',
        { class: 'wire' },
        h('p', { class: 'wire-url' }, h('b', {}, 'GET '), url),
        ...factNames.flatMap(([name, label]) =>
          typeof asked[name] === 'string'
            ? [h('p', {}, h('b', {}, `${label}: `), asked[name])]
            : [],
        ),
      ),
    ),
    writeChecks(explanation, status),
  )
}

/** Those that the URL does not show. */
const factNames = [
  ['referrer', 'Referer'],
  ['address', 'From'],
  ['country', 'Country'],
] as const

export function spokenVerdict(taken: TakenApart): string {
  return taken.explanation === null ? 'No rule can be asked about it.' : words(taken)
}

/** The check that decided says more than the reason that everybody may know. */
function words(taken: TakenApart): string {
  const { explanation } = taken
  if (explanation === null) return ''
  const { outcome, reason } = explanation.answer
  if (outcome === 'open') return 'Nobody asks for a token here.'
  if (isGood(taken)) return 'The rule lets this request in.'
  return reason === null ? 'No rule serves this.' : describeReason(reason)
}

/** Where the origin decides, what it answers when it has the object. */
function statusOf({ answer }: Explanation): number {
  return answer.status ?? 200
}
