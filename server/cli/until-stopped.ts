/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, as people expect. */
export function untilStopped({ onReload }: { onReload: () => void }): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      process.off('SIGHUP', onReload)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('SIGHUP', onReload)
  })
}
