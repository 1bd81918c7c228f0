import type { Peers } from './peers.ts'

/** A refusal as the admin page shows it. Holds no token. */
export interface LoggedRefusal {
  /** ISO 8601. */
  readonly at: string
  readonly rule: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly client: string
  readonly status: number
  readonly reason: string
  /** Which check, and what it found. */
  readonly detail: string
  readonly sessionId: string | null
}

/** Enough for a person to see what goes on; one who wants all of it reads the log. */
export const mostRefusals = 200
const isRefusal = (message: unknown): message is { readonly refusal: LoggedRefusal } =>
  typeof message === 'object' && message !== null && 'refusal' in message

/** The latest refusals of this server: of all its worker processes, and of no other machine. */
export class RefusalLog {
  readonly #refusals: LoggedRefusal[] = []
  readonly #peers: Peers

  constructor(peers: Peers) {
    this.#peers = peers
    peers.onTold((message) => {
      if (isRefusal(message)) this.#keep(message.refusal)
    })
  }

  /** The latest first. */
  get latest(): readonly LoggedRefusal[] {
    return [...this.#refusals].reverse()
  }

  add(refusal: LoggedRefusal): void {
    this.#keep(refusal)
    this.#peers.tell({ refusal })
  }

  #keep(refusal: LoggedRefusal): void {
    this.#refusals.push(refusal)
    if (this.#refusals.length > mostRefusals) this.#refusals.shift()
  }
}
