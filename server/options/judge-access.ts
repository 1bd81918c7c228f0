import { createHash } from 'node:crypto'
import { keyTag } from '../session/session-id.ts'
import type { EdgeauthScheme } from '../token/edgeauth-verify.ts'
import { readTimedKeys } from '../token/timed-text.ts'
import type { Complaints } from './complaints.ts'
import type { KeyBook } from './key-book.ts'
import type {
  AccessOptions,
  EctokenAccess,
  EdgeauthAccess,
  ManagedAccess,
  TimedAccess,
} from './options.ts'
import { readSalt, type SecretSources } from './read-secret.ts'
import type { ShapedRule } from './schema.ts'

/** The label that keeps derived session keys apart from every other use of the same secret (RFC 5869). */
const sessionKeyLabel = 'session token v1'

/**
 * A session is worth something only at rules that would take the access token behind it too: so what tells whether they would, takes part.
 *
 * @param taken the salt of EdgeAuth tokens, or which other tokens; '': EdgeAuth tokens without salt
 */
function sessionLabel(taken: string): string {
  if (taken === '') return sessionKeyLabel
  return `${sessionKeyLabel} ${createHash('sha256').update(taken).digest('base64url')}`
}

/** No salt holds a `~`. */
const sessionLabelOf = (tokens: string): string => sessionLabel(`~${tokens}`)

/** What sessions of timed and managed tokens bear for a key in their ids: so that all of them can be ended at once. */
export const timedKeyName = (keyName: string): string => `timed tokens of ${keyName}`
export const realmKeyName = (realm: string): string => `kept tokens of ${realm}`

/** Are its tokens kept in the store? */
export function isKeptAccess(
  access: AccessOptions,
): access is ManagedAccess | (TimedAccess & { readonly isKept: true }) {
  return access.format === 'managed' || (access.format === 'timed' && access.isKept)
}

/** Can its tokens say whose they are? */
export function canNameSubject(access: AccessOptions): boolean {
  return access.format === 'edgeauth' || isKeptAccess(access)
}

type ShapedAccess = NonNullable<ShapedRule['access']>[number]
type Shaped<Format> = Extract<ShapedAccess, { format: Format }>

export interface AccessSurroundings {
  readonly keys: KeyBook
  readonly sources: SecretSources
  readonly complaints: Complaints
  /** Are there sessions for which the access token's key has to sign? */
  readonly signsSessions: boolean
  /** A key for formats that need not name one; `null`: there is none. */
  readonly defaultKey: string | null
}

/** Judges one way in; `undefined` after a complaint. */
export function judgeAccess(
  place: string,
  entry: ShapedAccess,
  surroundings: AccessSurroundings,
): AccessOptions | undefined {
  switch (entry.format) {
    case 'edgeauth':
      return edgeauth(place, entry, surroundings)
    case 'ectoken':
      return ectoken(place, entry, surroundings)
    case 'timed':
      return timed(place, entry, surroundings)
    case 'managed':
      return managed(place, entry, surroundings)
  }
}

function edgeauth(
  place: string,
  entry: Shaped<'edgeauth'>,
  { keys: book, sources, complaints }: AccessSurroundings,
): EdgeauthAccess | undefined {
  const keys = book.ring(`${place}.key`, entry.key, 'hex')
  const salt = complaints.attempt(`${place}.salt`, () => readSalt(entry.salt, sources))
  if (keys === undefined || salt === undefined) return undefined
  const scheme: EdgeauthScheme = {
    keys: keys.all,
    algorithm: entry.algorithm,
    urlEscape: entry.escapeEarly ? entry.escapeProfile : null,
    ignoreQueryString: entry.ignoreQueryString,
    clockSkewSeconds: entry.clockSkewSeconds,
  }
  const { format, parameter, carriers, escapeEarly, maxLifetimeSeconds } = entry
  return Object.freeze({
    format,
    keyName: entry.key,
    keys,
    keyTag: keyTag(entry.key),
    sessionKeys: keys.derive(sessionLabel(salt)),
    parameter,
    carriers,
    salt,
    escapeEarly,
    maxLifetimeSeconds,
    scheme,
    singleUse: entry.singleUse ? { graceSeconds: entry.singleUseGraceSeconds } : null,
  })
}

function ectoken(
  place: string,
  entry: Shaped<'ectoken'>,
  { keys: book, complaints }: AccessSurroundings,
): EctokenAccess | undefined {
  const keys = book.ring(`${place}.key`, entry.key, 'phrase')
  const { format, parameter, carriers, ignoreCase, denyUnknownCountry, allowUnrestricted } = entry
  if (parameter === '' && !carriers.includes('query')) {
    complaints.add(`${place}.carriers`, 'a bare token (parameter: ‘’) stands in the query alone')
  }
  if (keys === undefined) return undefined
  return Object.freeze({
    format,
    keyName: entry.key,
    keys,
    keyTag: keyTag(entry.key),
    sessionKeys: keys.derive(sessionLabelOf(format)),
    parameter,
    carriers: parameter === '' ? (['query'] as const) : carriers,
    policy: { ignoreCase, denyUnknownCountry, allowUnrestricted },
    maxLifetimeSeconds: entry.maxLifetimeSeconds ?? null,
    singleUse: null,
  })
}

function timed(
  place: string,
  entry: Shaped<'timed'>,
  surroundings: AccessSurroundings,
): TimedAccess | undefined {
  const { format, parameter, carriers, realm } = entry
  const keyed = optionalKey(place, entry.key, surroundings)
  if (keyed === undefined) return undefined
  const { keyName, keys } = keyed
  const isKept = entry.revocable || keys === null || keyName === null
  return Object.freeze({
    format,
    keyName,
    keys,
    keyTag: keyTag(isKept ? realmKeyName(realm) : timedKeyName(keyName)),
    sessionKeys: keys?.derive(sessionLabelOf(isKept ? `${format} of ${realm}` : format)) ?? null,
    parameter,
    carriers,
    isKept,
    sealingKeys: isKept ? null : readTimedKeys(keys),
    realm,
    singleUse: null,
  })
}

function managed(
  place: string,
  entry: Shaped<'managed'>,
  surroundings: AccessSurroundings,
): ManagedAccess | undefined {
  const { format, parameter, carriers, realm } = entry
  const keyed = optionalKey(place, entry.key, surroundings)
  if (keyed === undefined) return undefined
  const { keyName, keys } = keyed
  return Object.freeze({
    format,
    keyName,
    keys,
    keyTag: keyTag(realmKeyName(realm)),
    sessionKeys: keys?.derive(sessionLabelOf(`${format} of ${realm}`)) ?? null,
    parameter,
    carriers,
    realm,
    singleUse: null,
  })
}

/** @returns `null` inside where no key is needed and none is there; `undefined` after a complaint */
function optionalKey(
  place: string,
  named: string | undefined,
  { keys: book, complaints, defaultKey, signsSessions }: AccessSurroundings,
) {
  const keyName = named ?? defaultKey
  if (keyName !== null) {
    const keys = book.ring(`${place}.key`, keyName, 'hex')
    return keys === undefined ? undefined : { keyName, keys }
  }
  if (signsSessions) {
    complaints.add(`${place}.key`, 'its sessions are signed with a key: give keys one, and name it')
    return undefined
  }
  return { keyName: null, keys: null }
}
