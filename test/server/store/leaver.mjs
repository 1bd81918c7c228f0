/**
 * A process that exits in the middle of its transactions, for the tests of several of them:
 *
 *     fork('leaver.mjs', [location, baseDirectory])
 */
import { createStore } from '../../../dist/server/store/create-store.js'

const [location, baseDirectory] = process.argv.slice(2)
const store = createStore(location, { now: () => Date.now(), baseDirectory, timeoutMs: 10_000 })
await store.check()
const options = { keepSeconds: 3600, binding: 'anyone', graceSeconds: 0 }
const spendOn = async (lane) => {
  for (let index = 0; ; index++) await store.spend(`${process.pid}-${lane}-${index}`, options)
}
for (let lane = 0; lane < 4; lane++) void spendOn(lane)
// At any point of a transaction.
setTimeout(() => process.exit(0), 20 + Math.random() * 30)
