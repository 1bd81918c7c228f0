import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeWith, judgeMissing, type ToolName } from '../stage/tools.ts'

const script = join(import.meta.dirname, '../stage/ensure-tools.mjs')

describe('missing tools', () => {
  it.each([
    { missing: [], counts: true, verdict: 'run' },
    { missing: [], counts: false, verdict: 'run' },
    { missing: ['nginx'] as const, counts: false, verdict: 'skip' },
    { missing: ['nginx'] as const, counts: true, verdict: 'fail' },
  ])('$missing in a run that counts ($counts): $verdict', ({ missing, counts, verdict }) => {
    expect(judgeMissing(missing, counts)).toBe(verdict)
  })

  // An empty PATH hides apt-get too, so that the script has to give up.
  const hidden = { PATH: '/nonexistent', CHROMIUM_PATH: '/nonexistent/chromium' }

  it.each([
    { CI: 'true', status: 1 },
    { CI: '', status: 0 },
    { CI: 'false', status: 0 },
  ])('are named, and end the check with $status where CI is "$CI"', ({ CI, status }) => {
    const run = spawnSync(process.execPath, [script], { env: { ...hidden, CI }, encoding: 'utf8' })
    expect(run.stderr).toMatch(/^missing: chromium, .*ffmpeg/)
    expect(run.stderr).toContain('apt-get install')
    expect(run.status).toBe(status)
  })
})

const all: readonly ToolName[] = ['chromium', 'nginx', 'caddy', 'redis-server', 'ffmpeg', 'ffprobe']

describeWith(all, 'a machine with all tools', () => {
  it('is not changed, and nothing is said', () => {
    const run = spawnSync(process.execPath, [script], { encoding: 'utf8' })
    expect([run.status, run.stdout, run.stderr]).toEqual([0, '', ''])
  })
})
