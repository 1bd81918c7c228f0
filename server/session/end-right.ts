import { randomBytes } from 'node:crypto'
import type { EpochSeconds } from '../../shared/units.ts'
import type { Keyring } from '../token/keyring.ts'
import { isMac, makeMac } from '../token/mac.ts'

/**
 * The right to end one of a few sessions, once: handed to a viewer who found all his places taken, so that the page can offer
 * "stop watching there". A signed text; that it is used once is remembered by the store.
 */
export interface EndRight {
  /** Name of the rule whose key signed it. */
  readonly rule: string
  /** Any one of these may be ended. */
  readonly sessionIds: readonly string[]
  readonly expiresAt: EpochSeconds
  /** Its identity. */
  readonly nonce: string
}

/** Time to read a list and choose. */
export const endRightSeconds = 300

export function mintEndRight(
  rule: string,
  sessionIds: readonly string[],
  keys: Keyring,
  now: EpochSeconds,
): string {
  const right = {
    rule,
    sessionIds,
    expiresAt: now + endRightSeconds,
    nonce: randomBytes(16).toString('hex'),
  }
  const body = Buffer.from(JSON.stringify(right)).toString('base64url')
  return `${body}.${makeMac('sha256', keys.primary, body)}`
}

/** Which rule's keys does it say to be signed with? Not proven. */
export function peekEndRight(text: string): string | null {
  const right = parse(text)?.right
  return typeof right?.rule === 'string' ? right.rule : null
}

/** @returns `null` for what was not signed with these keys, or has ended */
export function verifyEndRight(text: string, keys: Keyring, now: EpochSeconds): EndRight | null {
  const parsed = parse(text)
  if (parsed === null) return null
  const { body, mac } = parsed
  if (!keys.all.some((key) => isMac('sha256', key, body, mac))) return null
  const right = parsed.right as unknown as EndRight
  return right.expiresAt > now ? right : null
}

function parse(text: string): { body: string; mac: string; right: Record<string, unknown> } | null {
  const [body, mac, ...rest] = text.split('.')
  if (body === undefined || mac === undefined || rest.length > 0) return null
  if (!/^[A-Za-z0-9_-]{1,8192}$/.test(body) || !/^[0-9a-f]{64}$/.test(mac)) return null
  try {
    const right: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
    return typeof right === 'object' && right !== null
      ? { body, mac, right: right as Record<string, unknown> }
      : null
  } catch {
    return null
  }
}
