import { LRUCache } from 'lru-cache'
import { readParameter, splitUrl } from '../../shared/query.ts'
import { parseTokenText } from '../../shared/token-text.ts'
import { keyNew } from '../cli/key-new.ts'

/** A page that somebody has open, and how the site treats whoever asks for tokens from it. */
export interface Visit {
  readonly id: string
  /** Its tokens come late. */
  isSlow: boolean
  /** It gets no more tokens. */
  isDenied: boolean
  /** Each token that was handed out to it or used by it, and whether it was revoked. */
  readonly tokens: Map<string, boolean>
}

/** Pages remembered; the one that asked longest ago is forgotten first. */
const mostVisits = 1_000
/** Tokens remembered of each: two players, ten seconds a token, and room for whoever presses all buttons. */
const mostTokens = 100

/** The `hmac` of EdgeAuth tokens with SHA-256. */
const macDigits = 64

/**
 * The pages that are open, and their tokens. The name in a token tells whose it is; that is not proven here, and need not be: it can
 * only bring about a refusal.
 */
export class Visits {
  readonly #visits = new LRUCache<string, Visit>({ max: mostVisits })

  open(): Visit {
    const id = keyNew().slice(0, 12)
    const visit = { id, isSlow: false, isDenied: false, tokens: new Map<string, boolean>() }
    this.#visits.set(id, visit)
    return visit
  }

  find(id: string): Visit | undefined {
    return this.#visits.get(id)
  }

  /** Remembers a token, access or session, so that it can be revoked. */
  note(token: string): void {
    const tokens = this.find(visitOf(token))?.tokens
    if (tokens === undefined || tokens.has(token)) return
    tokens.set(token, false)
    const [oldest] = tokens.keys()
    if (tokens.size > mostTokens && oldest !== undefined) tokens.delete(oldest)
  }

  /** From now on none of the visit's tokens is taken; those that come later are. */
  revoke({ tokens }: Visit): void {
    for (const token of tokens.keys()) tokens.set(token, true)
  }

  /** Does the URL carry a token that was revoked? One that is new is remembered. */
  isRevoked(url: string): boolean {
    const token = tokenIn(url)
    if (token === undefined) return false
    this.note(token)
    return this.find(visitOf(token))?.tokens.get(token) ?? false
  }
}

/** The subject of a visit's tokens: who plays, and where. */
export function subjectOf({ id }: Visit, player: string): string {
  return `${player}-${id}`
}

function visitOf(token: string): string {
  const parsed = parseTokenText(token, macDigits)
  return (parsed.ok && parsed.fields.id?.split('-').at(-1)) || ''
}

function tokenIn(url: string): string | undefined {
  const query = splitUrl(url).query ?? ''
  return [...readParameter(query, 'hdntl'), ...readParameter(query, 'hdnts')][0]
}
