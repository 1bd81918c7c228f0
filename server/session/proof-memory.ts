import { LRUCache } from 'lru-cache'
import {
  type EdgeauthProof,
  type EdgeauthRefusal,
  type EdgeauthScheme,
  proveReceived,
} from '../token/edgeauth-verify.ts'
import type { RequestFacts } from './request-facts.ts'
import { isCastToken, receivedSalt, type SaltOptions, saltFacts } from './salt.ts'

/** About 6 MB with tokens of usual length; a viewer needs one entry. */
const mostProofs = 10_000

/**
 * Remembers session tokens whose signature was proven, by their exact text and the exact headers that salted
 * them: a player asks with the same token hundreds of times. Time, address and path are no part of the
 * proof and are judged anew for each request. Only good proofs are kept, so forged tokens fill nothing.
 */
export class ProofMemory {
  readonly #proofs = new LRUCache<string, EdgeauthProof>({ max: mostProofs })
  readonly #options: SaltOptions & { readonly scheme: EdgeauthScheme }

  constructor(options: SaltOptions & { readonly scheme: EdgeauthScheme }) {
    this.#options = options
  }

  prove(text: string, facts: RequestFacts): EdgeauthProof | EdgeauthRefusal {
    const salting = isCastToken(text) ? 'cast' : saltFacts(facts, this.#options)
    const key = `${text}\n${salting}`
    const known = this.#proofs.get(key)
    if (known !== undefined) return known
    const salt = receivedSalt(text, facts, this.#options)
    const proof = proveReceived(text, this.#options.scheme, {
      path: facts.rawPath,
      query: '',
      salt,
    })
    // The proof of a URL token holds for its URL alone.
    if (proof.ok && proof.claims.acl !== undefined) this.#proofs.set(key, proof)
    return proof
  }
}
