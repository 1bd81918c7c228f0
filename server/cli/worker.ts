import cluster from 'node:cluster'
import { OptionError } from '../../shared/codes.ts'
import { type ListenOptions, listen } from '../app.ts'
import type { Log } from '../http/log.ts'
import type { JoinPeers } from '../http/peers.ts'
import type { Playgate } from '../index.ts'
import type { Opened } from './configuration-file.ts'
import type { ExitStatus } from './output.ts'
import { isOurs, type PrimaryChannel, type ToWorker } from './worker-messages.ts'
import { WorkerPeers } from './worker-peers.ts'

/** Set for the processes that our own primary forks: under another one's, nobody would answer. */
export const workerMark = 'PLAYGATE_WORKER'

/** Was this process forked by `runPrimary()`? */
export function isWorker(): boolean {
  return cluster.isWorker && process.env[workerMark] !== undefined
}

export interface WorkerSurroundings {
  readonly log: Log
  /** @throws {OptionError} for a bad configuration */
  readonly open: (joinPeers: JoinPeers) => Opened
  /** Where to listen. */
  readonly at: (gate: Playgate) => ListenOptions
}

/** When all of us stop: for a request that is on its way. */
const stopDrainMs = 500

/** Above the time in which a player fetches a long segment; other workers serve meanwhile. */
const drainGraceMs = 60_000

/**
 * One of the processes of `playgate serve`: serves until the primary says otherwise. When the primary is gone,
 * Node ends it at once, because nobody asked it to disconnect.
 */
export async function runWorker({ log, open, at }: WorkerSurroundings): Promise<ExitStatus> {
  // A terminal and a service manager signal the whole group; the primary says what follows from it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) {
    process.on(signal, () => undefined)
  }
  const channel = primaryChannel()
  const warn = (reason: string): void => log.warn({ event: 'peers' }, reason)
  const peers = new WorkerPeers({ channel, warn, now: () => performance.now() })
  const failed = await serveUntilTold({ channel, peers, open, at })
  // Said once by the primary, and not by each of us.
  if (failed !== null) channel.send({ playgate: 'failed', ...failed })
  // What was sent before has arrived when this has been acknowledged.
  cluster.worker?.disconnect()
  return failed?.status ?? 0
}

interface Failed {
  readonly status: ExitStatus
  readonly reason: string
}

async function serveUntilTold({
  channel,
  peers,
  open,
  at,
}: Pick<WorkerSurroundings, 'open' | 'at'> & {
  channel: PrimaryChannel
  peers: WorkerPeers
}): Promise<Failed | null> {
  let opened: Opened | null = null
  // Heard before the file is read: whoever changes it from then on tells us of it.
  channel.receive(({ playgate }) => {
    if (playgate === 'reload') opened?.reload()
  })
  try {
    opened = open(peers.join)
  } catch (error) {
    if (error instanceof OptionError) return { status: 2, reason: error.message }
    throw error
  }
  const { gate } = opened
  try {
    const server = await listen(gate.callback(), at(gate))
    const left = new Promise<void>((resolve) => {
      channel.receive(({ playgate }) => {
        if (playgate === 'stop') void server.drain({ drainMs: stopDrainMs }).then(resolve)
        else if (playgate === 'drain') void server.drain({ graceMs: drainGraceMs }).then(resolve)
      })
    })
    channel.send({ playgate: 'listens', url: server.url })
    await left
  } catch (error) {
    await gate.close()
    return { status: 1, reason: describeListenError(error) }
  }
  await gate.close()
  await peers.leave()
  return null
}

function primaryChannel(): PrimaryChannel {
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    receive(listener) {
      process.on('message', (message) => {
        if (isOurs<ToWorker>(message)) listener(message)
      })
    },
  }
}

/** For the terminal. */
export function describeListenError(error: unknown): string {
  return `playgate: cannot listen: ${(error as Error).message}; another port: --port 8081`
}
