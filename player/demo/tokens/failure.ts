import type { FieldProblem, SiteError } from '../site.ts'

/** What to say below a form, when the fields themselves do not say it all; '' when they do. */
export function describeFailure(
  { status, problems }: SiteError,
  unsaid: readonly FieldProblem[],
): string {
  if (status === 0) return 'The demo’s server does not answer. Is it still running?'
  if (problems.length === 0) return `The demo’s server could not do it: it answered ${status}.`
  return unsaid.map(({ path, message }) => `${path}: ${message}.`).join(' ')
}
