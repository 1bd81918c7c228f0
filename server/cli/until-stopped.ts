export interface SignalHandlers {
  /** SIGHUP. */
  readonly onReload: () => void
  /** SIGUSR2. @default the system's: the process ends */
  readonly onRestart?: () => void
  /** A second SIGINT or SIGTERM, before it ends the process. */
  readonly onHurry?: () => void
}

/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, as people expect. Other
 * signals no longer count then, and do no harm.
 */
export function untilStopped({ onReload, onRestart, onHurry }: SignalHandlers): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false
    const unlessStopping = (action: () => void) => () => {
      if (!isStopping) action()
    }
    const stop = (signal: NodeJS.Signals): void => {
      if (isStopping) {
        onHurry?.()
        process.off('SIGINT', stop)
        process.off('SIGTERM', stop)
        process.kill(process.pid, signal)
        return
      }
      isStopping = true
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('SIGHUP', unlessStopping(onReload))
    if (onRestart !== undefined) process.on('SIGUSR2', unlessStopping(onRestart))
  })
}
