import { createRedisClient, evictionPolicies, type RedisClient } from './redis-client.ts'
import type { RedisLocation } from './redis-location.ts'
import { StoreUnavailable } from './store.ts'
import { withinDeadline } from './within-deadline.ts'

export interface RedisConnectionOptions {
  readonly location: RedisLocation
  /** How long a call may take, waiting for a connection included. */
  readonly timeoutMs: number
  /** Told of lost connections and of settings that endanger single use. */
  readonly warn: (message: string) => void
}

/** Calls under way at most: those to a server that hangs are kept until its connection is given up. */
const maxInFlight = 10_000

/** A client of Redis that answers or refuses in time, and comes back by itself. */
export class RedisConnection {
  /** For questions that are asked by `ask`. */
  readonly client: RedisClient
  readonly #options: RedisConnectionOptions
  readonly #inFlight = new Set<Promise<unknown>>()
  #hasWarned = false
  #closing: Promise<void> | null = null

  /** @throws {OptionError} when the file of certificates cannot be read */
  constructor(options: RedisConnectionOptions) {
    this.#options = options
    this.client = createRedisClient(options.location, options.timeoutMs)
    this.client.on('ready', () => {
      this.#hasWarned = false
      void this.#checkEviction()
    })
    // Each failed attempt to connect ends here again; one message for an outage is enough.
    this.client.on('error', (error: Error) => this.#warnOnce(error.message))
    this.client.on('close', () => this.#warnOnce('the connection was lost'))
  }

  /** @throws {StoreUnavailable} and nothing else, once the time is over at the latest */
  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.#closing !== null) throw new StoreUnavailable('closed')
    if (this.#inFlight.size >= maxInFlight) throw new StoreUnavailable('too many calls wait')
    let isLate = false
    const work = async (): Promise<Answer> => {
      await this.#connected()
      // Its caller was refused by now: nothing may be spent for it any more.
      if (isLate) throw new StoreUnavailable('connected too late')
      return question()
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
      // Of ReplyError: all that was asked, viewers' names and addresses among it.
      if (error instanceof Error) Reflect.deleteProperty(error, 'command')
      throw new StoreUnavailable('redis did not answer', error)
    }
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
      this.client.disconnect()
    }
  }

  /** Waits for an attempt to connect that is under way; between two attempts the store is just not there. */
  async #connected(): Promise<void> {
    const { client } = this
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

  /** A marker that is evicted makes its token good again (threat T35), and so does what tells that a session was ended. */
  async #checkEviction(): Promise<void> {
    for (const policy of await evictionPolicies(this.client)) {
      if (policy === 'noeviction') continue
      this.#options.warn(
        `redis: maxmemory-policy is ${policy}: markers of spent tokens and of ended sessions may be evicted, and the tokens used again; set noeviction`,
      )
    }
  }
}
