import { describe, it } from 'vitest'
import { findTool, isContinuousIntegration, type ToolName } from './find-tool.mjs'

export type { ToolName } from './find-tool.mjs'

/**
 * The absolute path of a program that a test starts.
 *
 * @throws {Error} when it is not on this machine
 */
export function requireTool(name: ToolName): string {
  const path = findTool(name)
  if (path === undefined) throw new Error(`${name} is not on this machine`)
  return path
}

/** What becomes of tests that need programs of which some are missing. */
export function judgeMissing(
  missing: readonly ToolName[],
  counts: boolean,
): 'run' | 'skip' | 'fail' {
  if (missing.length === 0) return 'run'
  return counts ? 'fail' : 'skip'
}

/**
 * `describe` for tests that start programs. Where one is missing they are skipped and the name says why; with
 * CI=true they fail instead, because a run that counts leaves nothing out.
 */
export function describeWith(needed: readonly ToolName[], name: string, tests: () => void): void {
  const missing = needed.filter((tool) => findTool(tool) === undefined)
  const because = `${name} (without ${missing.join(' and ')})`
  const verdict = judgeMissing(missing, isContinuousIntegration())
  if (verdict === 'run') describe(name, tests)
  else if (verdict === 'skip') describe.skip(because, tests)
  else {
    describe(because, () => {
      it(`needs ${missing.join(' and ')}`, () => {
        for (const tool of missing) requireTool(tool)
      })
    })
  }
}
