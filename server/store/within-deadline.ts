import { StoreUnavailable } from './store.ts'

/**
 * The outcome of some work, or a refusal when it takes too long. The work itself goes on, and what comes of it
 * late is dropped.
 *
 * @throws {StoreUnavailable} after that many milliseconds
 */
export async function withinDeadline<Result>(
  work: Promise<Result>,
  timeoutMs: number,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StoreUnavailable(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
