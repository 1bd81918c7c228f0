import { h, icon } from './dom.ts'
import { readableMoments } from './time.ts'

/** What Playgate did with a request, as its operator sees it. */
export interface Explanation {
  readonly rule: string | null
  readonly checks: readonly Check[]
  readonly answer: {
    readonly outcome: string
    /** `null` where the origin decides. */
    readonly status: number | null
    readonly reason: string | null
    readonly detail: string
  }
}

export interface Check {
  readonly check: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly detail: string
}

/** The checks in their order, and the answer below them. */
export function writeChecks({ rule, checks, answer }: Explanation, status: number): HTMLElement {
  // The check that failed has said it already.
  const isSaid = checks.some(({ detail }) => detail === answer.detail)
  return writePart(
    rule === null ? 'What the operator sees' : `What the operator sees, rule “${rule}”`,
    h(
      'ol',
      { class: 'checks' },
      ...checks.map(writeCheck),
      h(
        'li',
        {
          class: 'check answer',
          'data-outcome': answer.outcome === 'refused' ? 'failed' : 'passed',
        },
        icon('arrow'),
        h('span', { class: 'check-name' }, answer.outcome),
        h(
          'span',
          { class: 'check-detail' },
          isSaid ? `answered ${status}` : readableMoments(answer.detail),
        ),
      ),
    ),
  )
}

const outcomeIcons = { passed: 'check', failed: 'cross', skipped: 'dash' } as const

function writeCheck({ check, outcome, detail }: Check): HTMLElement {
  return h(
    'li',
    { class: 'check', 'data-outcome': outcome },
    icon(outcomeIcons[outcome]),
    h('span', { class: 'check-name' }, check, h('span', { class: 'sr' }, `, ${outcome}`)),
    h('span', { class: 'check-detail' }, readableMoments(detail)),
  )
}

export function writePart(title: string, content: HTMLElement): HTMLElement {
  return h('section', { class: 'result-part' }, h('h4', {}, title), content)
}
