import { type EpochSeconds, epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { isKeptAccess, realmKeyName, timedKeyName } from '../options/judge-access.ts'
import type { ManagedAccess, Options, Rule, TimedAccess } from '../options/options.ts'
import {
  type TokenKind,
  type TokenPage,
  type TokenRecord,
  tokenIdForm,
} from '../store/token-store.ts'
import { isKeptToken, managedTokenId, mintManagedToken } from '../token/managed.ts'
import { refuseUnknown } from '../token/refuse-unknown.ts'
import { readBearer, readLife } from '../token/timed.ts'
import { maxLifeSeconds } from '../token/timed-text.ts'
import { tokensEnding } from './endings.ts'
import {
  type InspectedToken,
  type InspectRequest,
  inspectFacts,
  inspectToken,
} from './inspect-token.ts'
import {
  checkLife,
  findTarget,
  type MintAccessOptions,
  type MintedAccess,
  mintFor,
  named,
  problem,
  refuseOthers,
} from './mint-access.ts'
import { accessTag, keyTag } from './session-id.ts'
import type { SessionRegistry } from './session-registry.ts'

/** A token that the store keeps, as a person sees it: never its text. Times in ISO 8601. */
export interface TokenView {
  /** By which it is revoked. */
  readonly id: string
  readonly format: TokenKind
  readonly realm: string
  readonly name: string | null
  readonly ip: string | null
  readonly referrer: string | null
  readonly createdAt: string
  /** `null`: it has no end. */
  readonly endsAt: string | null
  /** Told to a minute; `null`: not used yet. */
  readonly usedAt: string | null
}

export interface TokenFilter {
  readonly name?: string | undefined
  readonly realm?: string | undefined
  /** Tokens a page, 1 to 1000. @default 100 */
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

export interface TokenList {
  /** The latest made first. */
  readonly tokens: readonly TokenView[]
  readonly next: string | null
}

export interface KeptMint extends MintedAccess {
  /** By which it is revoked; `null` for a token that nobody keeps. */
  readonly id: string | null
}

/** Which tokens to revoke: exactly one of tokens, name, all and timedOfKey. */
export interface RevokeSelector {
  /** Their texts, or their ids. */
  readonly tokens?: readonly string[] | undefined
  /** All of a name, such as a user id. */
  readonly name?: string | undefined
  /** All that are kept for a realm, managed and timed. */
  readonly all?: true | undefined
  /** With `name` or `all`. Left out: every realm for a name, `default` for all. */
  readonly realm?: string | undefined
  /** All timed tokens that were sealed with a key so far: see `keys`. */
  readonly timedOfKey?: string | undefined
}

const filterNames = { name: true, realm: true, limit: true, cursor: true } as const
const selectorNames = {
  tokens: true,
  name: true,
  all: true,
  realm: true,
  timedOfKey: true,
} as const

const pageSize = 1_000
/** What the store keeps: see `TokenRecord.name`. */
const mostNameCharacters = 256

/** Access tokens of a gate: make them, see those that are kept, revoke them. */
export class Tokens {
  readonly #registry: SessionRegistry
  readonly #options: Options
  readonly #now: () => number

  /** @param now milliseconds since 1970 */
  constructor(registry: SessionRegistry, options: Options, now: () => number) {
    this.#registry = registry
    this.#options = options
    this.#now = now
  }

  /**
   * Makes an access token of any format; those that are kept are in the store when it resolves.
   *
   * @throws {OptionError} as `mint` of the gate
   * @throws {StoreUnavailable} it could not be kept
   */
  async mint(wanted: MintAccessOptions): Promise<KeptMint> {
    const { rule, access } = findTarget(this.#options, wanted)
    const now = epochSecondsFromMilliseconds(this.#now())
    if (!isKeptAccess(access)) return { ...mintFor({ rule, access }, wanted, now), id: null }
    await this.#registry.loading
    // All that were made before may have been revoked by a machine whose clock is ahead, or in this very millisecond.
    const madeAtMs = Math.max(this.#now(), this.#registry.endings.revokedBefore(access.keyTag))
    const token = mintManagedToken(access.format === 'managed' ? 'managed' : 'revocable')
    const { expiresAt, record } = named(() => {
      const end = endOf(rule, access, wanted, now)
      return { expiresAt: end, record: recordOf(token, access, wanted, madeAtMs, end) }
    })
    await this.#registry.store.addToken(record)
    this.#registry.tokens.forget([record.id])
    const { format, parameter } = access
    return { token, format, parameter, rule: rule.name, expiresAt, id: record.id }
  }

  /**
   * Takes a token of any format apart and asks each rule about it. Never rejects for any token.
   *
   * @returns `null` for text that has the form of none
   * @throws {OptionError} for an unknown option, and a `clientAddress` that is none
   */
  async inspect(token: string, request: InspectRequest = {}): Promise<InspectedToken | null> {
    await this.#registry.loading
    const { endings, tokens } = this.#registry
    const facts = { ...inspectFacts(request, this.#now()), endings }
    if (!isKeptToken(token)) return inspectToken(token, this.#options, facts)
    const id = managedTokenId(token)
    const kept = new Map([[id, await tokens.find(id, null)]])
    return inspectToken(token, this.#options, { ...facts, kept })
  }

  /**
   * Tokens that are kept, and have not ended.
   *
   * @throws {StoreUnavailable}
   * @throws {OptionError} for an unknown option
   * @throws {RangeError} for a limit out of bounds or a cursor that is none
   */
  async list(filter: TokenFilter = {}): Promise<TokenList> {
    refuseUnknown(filter, filterNames)
    const { name, realm, limit = 100, cursor } = filter
    const page = await this.#registry.store.listTokens({
      limit,
      ...(name !== undefined && { name }),
      ...(realm !== undefined && { realm }),
      ...(cursor !== undefined && { after: cursor }),
    })
    return { tokens: page.tokens.map(viewOf), next: page.next }
  }

  /**
   * Revokes tokens, and ends the sessions that they opened: here at once, everywhere within a second. When it fails, some may be
   * revoked: try again.
   *
   * @returns how many were there
   * @throws {StoreUnavailable}
   * @throws {TypeError} for a selector that is none, an unknown option, text that is no token, and a key that seals none
   */
  async revoke(selector: RevokeSelector): Promise<number> {
    refuseUnknown(selector, selectorNames)
    const { tokens, name, all, realm, timedOfKey } = selector
    // What is left undefined by mistake must not widen what is revoked.
    const given = [tokens, name, all, timedOfKey].filter((value) => value !== undefined)
    if (given.length !== 1) {
      throw new TypeError('exactly one of tokens, name, all and timedOfKey names what to revoke')
    }
    if (tokens !== undefined) return this.#revoke(tokens.map(readId))
    if (name !== undefined) return this.#revokeNamed(name, realm)
    if (timedOfKey !== undefined) return this.#revokeTimed(timedOfKey)
    if (all !== true) throw new TypeError('all: true, or left out')
    return this.#revokeRealm(realm ?? 'default')
  }

  async #revoke(ids: readonly string[]): Promise<number> {
    // Gone first, so that nothing is left of it however this ends; then its sessions.
    this.#registry.tokens.forget(ids)
    const removed = await this.#registry.store.removeTokens(ids)
    await this.#registry.end('access', ids.map(accessTag))
    return removed
  }

  async #revokeNamed(name: string, realm: string | undefined): Promise<number> {
    let removed = 0
    let after: string | null = null
    do {
      const page: TokenPage = await this.#registry.store.listTokens({
        name,
        limit: pageSize,
        ...(realm !== undefined && { realm }),
        ...(after !== null && { after }),
      })
      removed += await this.#revoke(page.tokens.map(({ id }) => id))
      after = page.next
    } while (after !== null)
    return removed
  }

  async #revokeRealm(realm: string): Promise<number> {
    const { store, tokens } = this.#registry
    // The latest may come from a machine whose clock is ahead of ours.
    const [latest] = (await store.listTokens({ realm, limit: 1 })).tokens
    const beforeMs = await this.#endAllOf(realmKeyName(realm), latest?.createdAtMs ?? 0)
    const removed = await store.removeTokensOf({ realm, createdBeforeMs: beforeMs })
    tokens.forgetAll()
    return removed
  }

  async #revokeTimed(keyName: string): Promise<number> {
    const sealing = this.#options.rules.flatMap(({ access }) =>
      access.flatMap((entry) => (entry.format === 'timed' && !entry.isKept ? [entry.keyName] : [])),
    )
    // A name that was mistyped must not pass for "none was out".
    if (!sealing.includes(keyName)) {
      const there = [...new Set(sealing)].join(', ') || 'none'
      throw new TypeError(`timedOfKey: no rule seals timed tokens with it (there: ${there})`)
    }
    await this.#endAllOf(timedKeyName(keyName), 0)
    return 0
  }

  /** @returns the time before which everything of that key was ended */
  async #endAllOf(keyName: string, latestMs: number): Promise<number> {
    const nowMs = this.#now()
    const beforeMs = Math.max(nowMs, latestMs) + 1
    const longestMs = (maxLifeSeconds + clockMarginSeconds) * 1000
    const tag = keyTag(keyName)
    await this.#registry.end('key', [tokensEnding(tag), tag], beforeMs, nowMs + longestMs)
    return beforeMs
  }
}

/** By how much the clocks of several machines may differ. */
const clockMarginSeconds = 3_600

/** @returns seconds since 1970; `null`: it has no end */
function endOf(
  rule: Rule,
  { format }: ManagedAccess | TimedAccess,
  wanted: MintAccessOptions,
  now: EpochSeconds,
): number | null {
  refuseOthers(format, wanted, ['path', 'payload', 'params'])
  if (format === 'managed') {
    refuseOthers(format, wanted, ['ttlSeconds'])
    checkLife(rule, { ...wanted, ttlSeconds: 1 })
    return null
  }
  return now + readLife(checkLife(rule, wanted))
}

function recordOf(
  token: string,
  { format, realm }: ManagedAccess | TimedAccess,
  { subject, ip, referrer }: MintAccessOptions,
  createdAtMs: number,
  expiresAt: number | null,
): TokenRecord {
  const bearer = readBearer({ clientIp: ip, referrer })
  if (subject !== undefined && !isName(subject)) {
    throw problem('subject', `1 to ${mostNameCharacters} characters, and no control characters`)
  }
  return {
    id: managedTokenId(token),
    kind: format,
    realm,
    name: subject ?? null,
    clientIp: bearer.clientIp ?? null,
    referrer: bearer.referrer ?? null,
    createdAtMs,
    endsAtMs: expiresAt === null ? null : expiresAt * 1000,
    usedAtMs: null,
  }
}

/** A name goes into lists, logs and session tokens: any text that is one, so that no two names are the same there. */
function isName(text: string): boolean {
  return text !== '' && text.length <= mostNameCharacters && !/[\p{Cc}\p{Surrogate}]/u.test(text)
}

function readId(text: string): string {
  if (isKeptToken(text)) return managedTokenId(text)
  if (tokenIdForm.test(text)) return text
  throw new TypeError('tokens: neither the text nor the id of a token that is kept')
}

function viewOf(record: TokenRecord): TokenView {
  const { id, kind, realm, name, clientIp, referrer, createdAtMs, endsAtMs, usedAtMs } = record
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    id,
    format: kind,
    realm,
    name,
    ip: clientIp,
    referrer,
    createdAt: time(createdAtMs),
    endsAt: endsAtMs === null ? null : time(endsAtMs),
    usedAt: usedAtMs === null ? null : time(usedAtMs),
  }
}
