import type { ExplainRequest, Explanation, Playgate } from '../index.ts'
import { namedByFlags } from './named-by-flags.ts'
import type { ExitStatus, Terminal } from './output.ts'

/** `playgate explain URL`: which rule, which check, which answer. */
export async function explainRequest(
  gate: Pick<Playgate, 'explain' | 'options'>,
  request: ExplainRequest,
  { json }: { json: boolean },
  terminal: Terminal,
): Promise<ExitStatus> {
  // What a server keeps in its memory no other process sees.
  const sharesStore = gate.options.store !== 'memory:'
  const explanation = await namedByFlags(() => gate.explain({ ...request, sharesStore }))
  if (json) terminal.out(JSON.stringify(explanation))
  else for (const line of describe(explanation)) terminal.out(line)
  const { outcome } = explanation.answer
  return outcome === 'refused' || outcome === 'not-found' ? 1 : 0
}

function describe({ checks, mode, answer }: Explanation): string[] {
  const marks = { passed: 'ok  ', failed: 'NO  ', skipped: '-   ' } as const
  const lines = checks.map(({ check, outcome, detail }) => `${marks[outcome]}${check}: ${detail}`)
  const status = answer.status === null ? '' : ` ${answer.status}`
  const reason = answer.reason === null ? '' : ` ${answer.reason}`
  const renew =
    answer.reason === null
      ? ''
      : `, a fresh access token ${answer.renew ? 'would' : 'would not'} help`
  lines.push(`=>  ${answer.outcome}${status}${reason}: ${answer.detail}${renew}`)
  if (mode === 'log' && answer.outcome === 'refused') {
    lines.push('    mode is log: the request is let through, and the log says so')
  }
  return lines
}
