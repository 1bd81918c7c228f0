/**
 * A process with a store, for the tests of several of them. It runs the store as it was built:
 *
 *     fork('spender.mjs', [location, baseDirectory])
 *
 * Each message `{ serial, ids }` asks for one attempt to spend for each id, all at the same time; the answer is
 * `{ serial, answers }`, in the same order. `{ serial, oneByOne: ids }` asks for one attempt after the other and
 * answers `{ serial, id, answer }` for each at once. `{ serial, calls: [[method, ...args], ...] }` calls any
 * methods, all at the same time, and answers `{ serial, outcomes }`, each `{ value }` or `{ refusal }`.
 */
import { createStore } from '../../../dist/server/store/create-store.js'

const [location, baseDirectory] = process.argv.slice(2)
// Longer than a busy machine needs: how soon an answer must come is another test's business.
const store = createStore(location, { now: () => Date.now(), baseDirectory, timeoutMs: 10_000 })
/** @param {string} id */
const attempt = (id) => store.spend(id, options).catch(() => 'refused')
const options = { keepSeconds: 3600, binding: 'anyone', graceSeconds: 0 }

/** @param {[string, ...unknown[]]} call */
const outcomeOf = ([method, ...args]) =>
  store[method](...args).then(
    (value) => ({ value }),
    (error) => ({ refusal: error.message }),
  )

process.on('message', async ({ serial, ids, oneByOne, calls }) => {
  if (calls) {
    const outcomes = await Promise.all(calls.map(outcomeOf))
    process.send({ serial, outcomes })
  }
  if (ids) {
    const answers = await Promise.all(ids.map(attempt))
    process.send({ serial, answers })
  }
  for (const id of oneByOne ?? []) {
    const answer = await attempt(id)
    process.send({ serial, id, answer })
  }
})
process.on('disconnect', async () => {
  await store.close()
  process.exit()
})
await store.check()
process.send({ isReady: true })
