import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import type { Log } from '../http/log.ts'
import type { Options } from '../options/options.ts'
import { reportRefusal, reportReload } from './configuration-file.ts'
import type { ExitStatus, Terminal } from './output.ts'
import { untilStopped } from './until-stopped.ts'
import type { ConfigurationWatch } from './watch-configuration.ts'
import { workerMark } from './worker.ts'
import { WorkerFigures } from './worker-figures.ts'
import { type FromWorker, isOurs } from './worker-messages.ts'
import { WorkerPool } from './worker-pool.ts'
import type { Fork } from './worker-process.ts'

/** Protects the memory of this process from a worker that stands still: beyond it, what others tell is lost on it. */
const mostUnsent = 1_000

/** How many processes the option means. */
export function countWorkers(workers: Options['workers']): number {
  return workers === 'auto' ? availableParallelism() : workers
}

export interface PrimarySurroundings {
  readonly log: Log
  readonly terminal: Terminal
  readonly config: string
  /** The configuration that the workers are started with. */
  readonly options: Options
  /** Of the command that each worker runs. */
  readonly args: readonly string[]
  /**
   * Judges the configuration file as it is now, and opens nothing.
   *
   * @throws {OptionError} for a bad one
   */
  readonly judge: () => Options
  /** Of that file and those that it names; the workers look at none. */
  readonly watch: ConfigurationWatch
  /** Told once, when the first worker listens. */
  readonly onListens: (url: string) => void
}

/**
 * The primary process of `playgate serve`: keeps the workers running until SIGINT or SIGTERM. Has them take a changed
 * configuration file up, on its own and at SIGHUP; SIGUSR2 replaces them one by one. It serves nothing itself.
 */
export async function runPrimary(surroundings: PrimarySurroundings): Promise<ExitStatus> {
  const { log, terminal, args, options, watch, onListens } = surroundings
  const figures = new WorkerFigures()
  const pool: WorkerPool = new WorkerPool({
    size: countWorkers(options.workers),
    fork: forkWith(args, log),
    log,
    now: () => performance.now(),
    onMessage(worker, message) {
      if (message.playgate === 'figures') figures.take(worker, message.request, message.figures)
      else if (message.playgate === 'metrics') {
        const { request } = message
        figures.collect(pool.listening).then(
          (text) => worker.send({ playgate: 'metrics', request, text }),
          (error: unknown) => log.error({ event: 'metrics', err: error }, 'cannot add figures up'),
        )
      } else if (message.playgate === 'tell') {
        const told = { playgate: 'told', message: message.message } as const
        for (const other of pool.listening) if (other !== worker) other.send(told)
      }
    },
    onExit: (worker) => figures.retire(worker),
  })
  const stopped = untilStopped({
    onReload: () => watch.takeNow(),
    onRestart: () => {
      log.info({ event: 'restart' }, 'replaces the workers one by one')
      void pool.roll()
    },
    onHurry: () => pool.kill(),
  })
  watch.start(() => reload(surroundings, pool))
  const started = await Promise.race([pool.start(), stopped.then(() => null)])
  if (started?.kind === 'failed') {
    watch.stop()
    terminal.err(started.reason)
    return started.status
  }
  if (started?.kind === 'listens') onListens(started.url)
  await stopped
  watch.stop()
  await pool.stop()
  return 0
}

/** The workers hear of a good file only, so that a bad one is reported once. */
function reload({ config, judge, options, log }: PrimarySurroundings, pool: WorkerPool): void {
  try {
    const changed = judge()
    pool.tell({ playgate: 'reload' })
    reportReload(config, { started: options, changed, log })
  } catch (error) {
    reportRefusal(config, error, log)
  }
}

function forkWith(args: readonly string[], log: Log): Fork {
  cluster.setupPrimary({ args: [...args] })
  return ({ onMessage, onExit }) => {
    const worker = cluster.fork({ [workerMark]: '1' })
    worker.on('message', (message: unknown) => {
      if (isOurs<FromWorker>(message)) onMessage(message)
    })
    worker.once('exit', (code, signal) => onExit(signal ?? `status ${code}`))
    worker.on('error', (error) => {
      log.error({ event: 'worker', worker: worker.process.pid, err: error }, 'a worker failed')
      // The system has no process for us: there will be no exit either.
      if (worker.process.pid === undefined) onExit(error.message)
    })
    let unsent = 0
    return {
      pid: worker.process.pid ?? 0,
      send(message) {
        if (!worker.isConnected()) return
        if (message.playgate === 'told' && unsent >= mostUnsent) return
        unsent += 1
        worker.send(message, () => {
          unsent -= 1
        })
      },
      kill: () => void worker.process.kill('SIGKILL'),
    }
  }
}
