import type { OptionProblem } from '../../shared/codes.ts'

interface Issue {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

/** What the schema found, in the words and with the path that a person looks for it by. */
export function describeIssue(issue: Issue): OptionProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map((key) => ({
      path: optionPath([...issue.path, key]),
      message: 'no such option',
    }))
  }
  return [{ path: optionPath(issue.path), message: issue.message.replace(/^Invalid input: /, '') }]
}

function optionPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? String(part) : `.${String(part)}`
  }
  return text
}
