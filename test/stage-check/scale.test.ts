import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const script = join(import.meta.dirname, '../bench/scale.mjs')
const measure = (...words: string[]): string =>
  execFileSync(process.execPath, ['--expose-gc', script, '--sessions', '10000', ...words], {
    encoding: 'utf8',
  })

it('measures what sessions cost, in every store that is here', () => {
  const { stores, process: own } = JSON.parse(measure('--stores', 'memory,lmdb', '--json'))
  for (const figures of [stores.memory, stores.lmdb]) {
    expect(figures.opening.perSecond).toBeGreaterThan(0)
    expect(figures.endAllMs).toBeGreaterThan(0)
  }
  // So few sessions are lost in what else is on the heap; in a file they are not.
  expect(stores.lmdb.bytesASession).toBeGreaterThan(100)
  expect(own.admitMicroseconds).toBeGreaterThan(0)
}, 60_000)

it('computes what that makes of a million', () => {
  expect(measure('--stores', 'memory')).toMatch(
    /memory: -?[\d.,]+ bytes a session\n[\s\S]* openings: /,
  )
}, 60_000)
