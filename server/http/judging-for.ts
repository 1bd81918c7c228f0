import type { TokensAmbiguous, TokensFound } from '../../shared/carrier.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { isKeptAccess } from '../options/judge-access.ts'
import type { Rule } from '../options/options.ts'
import type { AccessGrant } from '../session/decision.ts'
import type { Judging, KeptTokens } from '../session/judging.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import type { KeptToken } from '../session/token-registry.ts'
import { isKeptToken, managedTokenId } from '../token/managed.ts'
import type { Gate } from './gate.ts'

const noTokens: KeptTokens = new Map()

/** What a rule's requests are judged with, where the store has nothing to say. */
export function judgingFor(
  gate: Gate,
  rule: Rule,
  { kept = noTokens, now = gate.now() }: { kept?: KeptTokens; now?: EpochSeconds } = {},
): Judging {
  const { endings } = gate.sessions
  return { now, endings, memory: gate.proofsOf(rule), geoip: gate.options.geoip, kept }
}

/**
 * The tokens of a request that the store keeps, looked up before the request is judged. Asks nothing for rules without such
 * tokens, and for requests that bring none.
 */
export function keptTokensIn(
  gate: Gate,
  rule: Rule,
  located: TokensFound | TokensAmbiguous,
  facts: Pick<RequestFacts, 'clientAddress'>,
): KeptTokens | Promise<KeptTokens> {
  if (!rule.keepsTokens || !located.ok) return noTokens
  const texts = located.found.map(({ token }) => token)
  return lookUp(gate, texts, facts.clientAddress)
}

/** The same for tokens that were read from elsewhere, such as a body. */
export function lookUp(
  gate: Gate,
  texts: readonly string[],
  client: string,
): KeptTokens | Promise<KeptTokens> {
  const ids = [...new Set(texts.filter(isKeptToken).map(managedTokenId))]
  return ids.length === 0 ? noTokens : ask(gate, ids, client)
}

/** The store is told, some time later, that a token which it keeps was used. */
export function noteUse({ sessions }: Gate, { access, spendId }: AccessGrant): void {
  if (isKeptAccess(access)) sessions.tokens.noteUse(spendId)
}

async function ask(gate: Gate, ids: readonly string[], client: string): Promise<KeptTokens> {
  const { sessions } = gate
  // Where revocations cannot be heard, a token remembered may be a revoked one.
  const found = await Promise.all(
    ids.map(
      async (id): Promise<[string, KeptToken]> => [
        id,
        sessions.isUp ? await sessions.tokens.find(id, client) : 'unavailable',
      ],
    ),
  )
  return new Map(found)
}
