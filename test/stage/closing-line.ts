import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** How many test cases ended how. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** `N passed, N failed`, and `, N skipped` where there are any. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  const counted = `${passed} passed, ${failed} failed`
  return skipped > 0 ? `${counted}, ${skipped} skipped` : counted
}

/**
 * Counts test cases. What failed outside of one (a file that does not load, a hook, an error nobody caught)
 * counts as one failure each, so that the line never looks better than the run was.
 */
export function tallyOf(modules: readonly TestModule[], unhandledErrors: number): Tally {
  const states = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => test.result().state),
  )
  const count = (state: string): number => states.filter((found) => found === state).length
  const broken = modules.flatMap((module) => [
    ...module.errors(),
    ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
  ])
  return {
    passed: count('passed'),
    failed: count('failed') + broken.length + unhandledErrors,
    skipped: count('skipped'),
  }
}

/** A vitest reporter that ends a run's output with one line to count by. */
export default class ClosingLine implements Reporter {
  #last: string | null = null

  constructor() {
    // The coverage summary is written after the last event of a run, so the line waits for the process to end.
    process.once('exit', () => {
      if (this.#last !== null) writeSync(1, `${this.#last}\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#last = closingLine(tallyOf(modules, unhandledErrors.length))
  }
}
