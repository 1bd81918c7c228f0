import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Spent, Store } from '../../../server/store/store.ts'

export type Answer = Spent | 'refused'

/** A method of the store and its arguments. */
export type Call = {
  [Name in keyof Store]: readonly [Name, ...Parameters<Store[Name]>]
}[keyof Store]

/** What came of a call, as it came through the channel between the processes. */
export interface Outcome {
  readonly value?: unknown
  /** Message of the error. */
  readonly refusal?: string
}

/** Another process with the same store. See `spender.mjs`. */
export interface Spender {
  /** One attempt for each id, all at the same time. */
  spendAll(ids: readonly string[]): Promise<readonly Answer[]>
  /** One attempt after the other; each answer is handed over as it comes. */
  spendOneByOne(ids: readonly string[], onAnswer: (id: string, answer: Answer) => void): void
  /** Calls methods of its store, all at the same time. */
  callAll(calls: readonly Call[]): Promise<readonly Outcome[]>
  /** Lifts `maxFileBlocks`, as when somebody has made space. */
  makeSpace(): void
  /** `kill -9`. */
  kill(): Promise<void>
  close(): Promise<void>
}

interface Message {
  readonly isReady?: true
  readonly serial: number
  readonly answers?: readonly Answer[]
  readonly id?: string
  readonly answer?: Answer
  readonly outcomes?: readonly Outcome[]
}

async function end(child: ChildProcess, how: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  how()
  await ended
}

export interface SpenderOptions {
  /**
   * No file may grow beyond so many blocks of 512 bytes: a full disk for this process alone, which needs no rights to
   * mount one.
   */
  readonly maxFileBlocks?: number
}

/** Needs the build: `npm run build`, or `npx tsc`. Resolves when the process has reached its store. */
export async function startSpender(
  location: string,
  baseDirectory: string,
  { maxFileBlocks }: SpenderOptions = {},
): Promise<Spender> {
  const script = join(import.meta.dirname, 'spender.mjs')
  const words = [process.execPath, script, location, baseDirectory]
  const limit = maxFileBlocks === undefined ? '' : `ulimit -S -f ${maxFileBlocks} && `
  // LMDB's binding prints why a commit failed, which is no news where that is the point.
  const errors = maxFileBlocks === undefined ? 'inherit' : 'ignore'
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...words], {
    stdio: ['ignore', 'inherit', errors, 'ipc'],
  })
  const listeners = new Map<number, (message: Message) => void>()
  let serial = 0
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.isReady) resolve()
      else listeners.get(message.serial)?.(message)
    })
    child.once('exit', (status) => reject(new Error(`the spender ended with ${status}`)))
  })
  const ask = (question: object): Promise<Message> =>
    new Promise((resolve, reject) => {
      const mine = serial++
      listeners.set(mine, (message) => {
        listeners.delete(mine)
        resolve(message)
      })
      child.send({ serial: mine, ...question }, (error) => error && reject(error))
    })
  return {
    spendAll: async (ids) => (await ask({ ids })).answers ?? [],
    callAll: async (calls) => (await ask({ calls })).outcomes ?? [],
    spendOneByOne(ids, onAnswer) {
      const mine = serial++
      listeners.set(mine, ({ id, answer }) => {
        if (id !== undefined && answer !== undefined) onAnswer(id, answer)
      })
      child.send({ serial: mine, oneByOne: ids })
    },
    makeSpace() {
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited'])
    },
    kill: () => end(child, () => child.kill('SIGKILL')),
    close: () => end(child, () => child.disconnect()),
  }
}
