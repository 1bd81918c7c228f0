import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closingLine } from '../stage/closing-line.ts'

const top = join(import.meta.dirname, '../..')
const reporter = join(top, 'test/stage/closing-line.ts')

/** A run of vitest of its own, in a folder inside of the project so that it finds its packages. */
function run(folder: string): Promise<{ status: number | null; lines: string[] }> {
  const vitest = join(top, 'node_modules/vitest/vitest.mjs')
  const words = [vitest, 'run', '--root', folder, '--config', 'none.config.mjs']
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      words,
      { cwd: folder, timeout: 60_000 },
      (_error, stdout) => {
        resolve({ status: child.exitCode, lines: stdout.trimEnd().split('\n') })
      },
    )
  })
}

describe('the closing line', () => {
  it.each([
    [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed'],
    [{ passed: 1, failed: 2, skipped: 3 }, '1 passed, 2 failed, 3 skipped'],
    [{ passed: 0, failed: 0, skipped: 0 }, '0 passed, 0 failed'],
  ])('of %j is %j', (tally, line) => {
    expect(closingLine(tally)).toBe(line)
  })

  describe('of a run', () => {
    let folder: string

    beforeAll(async () => {
      folder = await mkdtemp(join(top, 'node_modules/.closing-line-'))
      const config = `export default { test: { include: ['*.check.mjs'], reporters: ['default', ${JSON.stringify(reporter)}], coverage: { enabled: true, provider: 'v8', reporter: ['text-summary'] } } }\n`
      await writeFile(join(folder, 'none.config.mjs'), config)
    })

    afterAll(() => rm(folder, { recursive: true }))

    it.each([
      ['counts cases, not files', "it('a', () => {}); it('b', () => {})", 0, '2 passed, 0 failed'],
      [
        'counts failed and skipped ones',
        "it('a', () => {}); it('b', () => { throw new Error('no') }); it.skip('c', () => {})",
        1,
        '1 passed, 1 failed, 1 skipped',
      ],
      ['counts a file that does not load', "throw new Error('no')", 1, '0 passed, 1 failed'],
      [
        'counts a hook that fails',
        "describe('d', () => { afterAll(() => { throw new Error('no') }); it('a', () => {}) })",
        1,
        '1 passed, 1 failed',
      ],
      [
        'counts an error that nobody caught',
        "it('a', () => new Promise((done) => setTimeout(() => { setTimeout(done); throw new Error('no') })))",
        1,
        '1 passed, 1 failed',
      ],
    ])('%s, behind all other output', async (_name, body, status, line) => {
      const imports = "import { afterAll, describe, it } from 'vitest'\n"
      await writeFile(join(folder, 'one.check.mjs'), `${imports}${body}\n`)
      const result = await run(folder)
      expect(result.lines.at(-1)).toBe(line)
      expect(result.status).toBe(status)
    })
  })
})
