import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Spent } from '../../../server/store/store.ts'

export type Answer = Spent | 'refused'

/** Another process with the same store. See `spender.mjs`. */
export interface Spender {
  /** One attempt for each id, all at the same time. */
  spendAll(ids: readonly string[]): Promise<readonly Answer[]>
  /** One attempt after the other; each answer is handed over as it comes. */
  spendOneByOne(ids: readonly string[], onAnswer: (id: string, answer: Answer) => void): void
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
}

async function end(child: ChildProcess, how: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  how()
  await ended
}

export interface SpenderOptions {
  /** No file may grow beyond so many blocks of 512 bytes: a full disk for this process alone. */
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
  const limit = maxFileBlocks === undefined ? '' : `ulimit -f ${maxFileBlocks} && `
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
  return {
    spendAll: (ids) =>
      new Promise((resolve, reject) => {
        const mine = serial++
        listeners.set(mine, ({ answers = [] }) => {
          listeners.delete(mine)
          resolve(answers)
        })
        child.send({ serial: mine, ids }, (error) => error && reject(error))
      }),
    spendOneByOne(ids, onAnswer) {
      const mine = serial++
      listeners.set(mine, ({ id, answer }) => {
        if (id !== undefined && answer !== undefined) onAnswer(id, answer)
      })
      child.send({ serial: mine, oneByOne: ids })
    },
    kill: () => end(child, () => child.kill('SIGKILL')),
    close: () => end(child, () => child.disconnect()),
  }
}
