import { Cluster, type Redis } from 'ioredis'
import { createRedisClient, type RedisClient, runSpendScript } from './redis-client.ts'
import type { RedisLocation } from './redis-location.ts'
import {
  readAttempt,
  type SpendOptions,
  type Spent,
  type Store,
  StoreUnavailable,
} from './store.ts'
import { withinDeadline } from './within-deadline.ts'

export interface RedisStoreOptions {
  readonly location: RedisLocation
  /** How long a call may take, waiting for a connection included. */
  readonly timeoutMs: number
  /** Told of lost connections and of settings that endanger single use. */
  readonly warn: (message: string) => void
}

/** Calls under way at most: those to a server that hangs are kept until its connection is given up. */
const maxInFlight = 10_000

/**
 * `redis://` and its kin: several machines. Markers end by Redis' own clock, from which the grace is counted
 * too, so the machines' clocks need not agree. What Redis loses (failover without `wait`, no persistence) is
 * lost here as well (threat T34). It bounds its own size: `maxmemory` with `noeviction`, checked on each
 * connection; when it is full, first uses are refused.
 */
export class RedisStore implements Store {
  readonly #client: RedisClient
  readonly #options: RedisStoreOptions
  readonly #inFlight = new Set<Promise<unknown>>()
  #hasWarned = false
  #closing: Promise<void> | null = null

  /** @throws {OptionError} when the file of certificates cannot be read */
  constructor(options: RedisStoreOptions) {
    this.#options = options
    this.#client = createRedisClient(options.location, options.timeoutMs)
    this.#client.on('ready', () => {
      this.#hasWarned = false
      void this.#checkEviction()
    })
    // Each failed attempt to connect ends here again; one message for an outage is enough.
    this.#client.on('error', (error: Error) => this.#warnOnce(error.message))
    this.#client.on('close', () => this.#warnOnce('the connection was lost'))
  }

  async spend(id: string, options: SpendOptions): Promise<Spent> {
    const times = readAttempt(id, options)
    const { prefix, wait, waitMs } = this.#options.location
    return this.#ask(async (client) => {
      // The braces choose the slot in a cluster: whatever is kept of an id later lives beside it.
      const answer = await runSpendScript(client, `${prefix}:spent:{${id}}`, {
        ...times,
        binding: options.binding,
        mustReplicate: wait > 0,
      })
      if (answer !== 'first' && answer !== 'repeat' && answer !== 'spent') {
        throw new StoreUnavailable('redis answered nonsense')
      }
      if (answer !== 'spent' && wait > 0) {
        const replicas = await (client as Redis).wait(wait, waitMs)
        if (replicas < wait) throw new StoreUnavailable(`${replicas} of ${wait} replicas answered`)
      }
      return answer
    })
  }

  async check(): Promise<void> {
    const answer = await this.#ask((client) => client.ping())
    if (answer !== 'PONG') throw new StoreUnavailable('redis answered nonsense')
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await withinDeadline(Promise.allSettled(this.#inFlight), this.#options.timeoutMs)
    } catch {
      // A server that hangs: its callers were refused, and nothing is left to wait for.
    } finally {
      this.#client.disconnect()
    }
  }

  async #ask<Answer>(question: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    if (this.#closing !== null) throw new StoreUnavailable('closed')
    if (this.#inFlight.size >= maxInFlight) throw new StoreUnavailable('too many calls wait')
    let isLate = false
    const work = async (): Promise<Answer> => {
      await this.#connected()
      // Its caller was refused by now: nothing may be spent for it any more.
      if (isLate) throw new StoreUnavailable('connected too late')
      return question(this.#client)
    }
    const asked = work()
    this.#inFlight.add(asked)
    const forget = (): void => void this.#inFlight.delete(asked)
    asked.then(forget, forget)
    try {
      return await withinDeadline(asked, this.#options.timeoutMs)
    } catch (error) {
      isLate = true
      if (error instanceof StoreUnavailable) throw error
      throw new StoreUnavailable('redis did not answer', error)
    }
  }

  /** Waits for an attempt to connect that is under way; between two attempts the store is just not there. */
  async #connected(): Promise<void> {
    const client = this.#client
    if (client.status === 'ready') return
    if (client.status !== 'connecting' && client.status !== 'connect') {
      throw new StoreUnavailable('no connection to redis')
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (outcome: () => void) => () => {
        client.off('ready', onReady)
        client.off('close', onClose)
        outcome()
      }
      const onReady = settle(resolve)
      const onClose = settle(() => reject(new StoreUnavailable('no connection to redis')))
      client.on('ready', onReady)
      client.on('close', onClose)
    })
  }

  #warnOnce(message: string): void {
    if (!this.#hasWarned && this.#closing === null) this.#options.warn(`redis: ${message}`)
    this.#hasWarned = true
  }

  /** A marker that is evicted makes its token good again (threat T35). */
  async #checkEviction(): Promise<void> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client]
    for (const node of nodes) {
      try {
        const policy = /^maxmemory_policy:(\S+)/m.exec(await node.info('memory'))?.[1]
        if (policy !== undefined && policy !== 'noeviction') {
          this.#options.warn(
            `redis: maxmemory-policy is ${policy}: markers of spent tokens may be evicted, and the tokens used again; set noeviction`,
          )
        }
      } catch {
        // The connection is gone again, or INFO is not allowed: the next one is asked.
      }
    }
  }
}
