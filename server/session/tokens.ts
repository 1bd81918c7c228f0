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

/** Which tokens to revoke: exactly one of these. */
export type RevokeSelector =
  /** Their texts, or their ids. */
  | { readonly tokens: readonly string[] }
  /** All of a name, such as a user id. */
  | { readonly name: string; readonly realm?: string | undefined }
  /** All that are kept for a realm, managed and timed. */
  | { readonly all: true; readonly realm?: string | undefined }
  /** All timed tokens that were sealed with a key so far: see `keys`. */
  | { readonly timedOfKey: string }

const pageSize = 1_000

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
    if (access.format !== 'managed' && access.format !== 'timed') {
      return { ...mintFor({ rule, access }, wanted, now), id: null }
    }
    if (!isKeptAccess(access)) return { ...mintFor({ rule, access }, wanted, now), id: null }
    const expiresAt = endOf(rule, access, wanted, now)
    const token = mintManagedToken(access.format === 'managed' ? 'managed' : 'revocable')
    const record = recordOf(token, access, wanted, this.#now(), expiresAt)
    await this.#registry.store.addToken(record)
    this.#registry.tokens.forget([record.id])
    const { format, parameter } = access
    return { token, format, parameter, rule: rule.name, expiresAt, id: record.id }
  }

  /**
   * Takes a token of any format apart and asks each rule about it. Never rejects.
   *
   * @returns `null` for text that has the form of none
   */
  async inspect(token: string, request: InspectRequest = {}): Promise<InspectedToken | null> {
    const facts = inspectFacts(request, this.#now())
    if (!isKeptToken(token)) return inspectToken(token, this.#options, facts)
    const id = managedTokenId(token)
    const kept = new Map([[id, await this.#registry.tokens.find(id, 'inspect')]])
    return inspectToken(token, this.#options, { ...facts, kept })
  }

  /**
   * Tokens that are kept, and have not ended.
   *
   * @throws {StoreUnavailable}
   * @throws {RangeError} for a limit out of bounds or a cursor that is none
   */
  async list({ name, realm, limit = 100, cursor }: TokenFilter = {}): Promise<TokenList> {
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
   * @throws {TypeError} for a selector that is none
   */
  async revoke(selector: RevokeSelector): Promise<number> {
    if ('tokens' in selector) return this.#revoke(selector.tokens.map(readId))
    if ('name' in selector) return this.#revokeNamed(selector)
    if ('timedOfKey' in selector) {
      await this.#endAllOf(timedKeyName(selector.timedOfKey), 0)
      return 0
    }
    if (selector.all === true) return this.#revokeRealm(selector.realm ?? 'default')
    throw new TypeError('exactly one of tokens, name, all and timedOfKey names what to revoke')
  }

  async #revoke(ids: readonly string[]): Promise<number> {
    // Gone first, so that nothing is left of it however this ends; then its sessions.
    this.#registry.tokens.forget(ids)
    const removed = await this.#registry.store.removeTokens(ids)
    await this.#registry.end('access', ids.map(accessTag))
    return removed
  }

  async #revokeNamed({
    name,
    realm,
  }: {
    name: string
    realm?: string | undefined
  }): Promise<number> {
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
