import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { countWorkers } from '../../../server/cli/workers.ts'

it.each([
  [1, 1],
  [7, 7],
  ['auto', availableParallelism()],
] as const)('workers: %s are %s processes', (workers, count) => {
  expect(countWorkers(workers)).toBe(count)
})
