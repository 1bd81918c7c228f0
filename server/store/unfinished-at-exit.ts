/** What holds the writer's lock, or waits for it. */
const unfinished = new Set<object>()
let isWatched = false

/**
 * Says that a transaction is under way, until the returned function is called.
 *
 * A process that exits waits for its threads; one of them waits for the event loop to run a transaction's action, with the lock of all
 * processes in its hands; and the event loop has ended. So that neither this process nor another one waits for ever, it ends the hard way
 * then, which LMDB is made for: what was acknowledged is on disk, and the lock goes on to the next.
 */
export function beginUnfinished(): () => void {
  if (!isWatched) {
    isWatched = true
    process.on('exit', () => {
      if (unfinished.size > 0) process.kill(process.pid, 'SIGKILL')
    })
  }
  const mark = {}
  unfinished.add(mark)
  return () => void unfinished.delete(mark)
}
