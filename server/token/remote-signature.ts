import { createSecretKey, type KeyObject } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'
import type { EpochSeconds } from '../../shared/units.ts'
import { systemTime } from './clock.ts'
import { isMac, makeMac } from './mac.ts'

/**
 * The signature on the questions of remote authentication (design section 6): nothing else tells a site who
 * asks. HMAC-SHA256 over version, time, method and request target, a line each. Headers are not covered,
 * because proxies on the way rewrite them: what a site relies on, it takes from the parameters.
 */

const timestampHeader = 'playgate-timestamp'
const signatureHeader = 'playgate-signature'
const version = 'v1'

const leastSecretCharacters = 16
const defaultToleranceSeconds = 300

/**
 * The key of a signature from its secret text.
 *
 * @param path how the option is named in the message; the secret never is
 * @throws {OptionError} for a secret that is too short
 */
export function remoteSigningKey(secret: string, path: string): KeyObject {
  if (secret.length >= leastSecretCharacters) return createSecretKey(secret, 'utf8')
  const message = `must have ${leastSecretCharacters} characters or more`
  throw new OptionError([{ path, message }])
}

/** @returns the headers that go with the question */
export function signRemoteQuestion(
  key: KeyObject,
  method: string,
  target: string,
  now: EpochSeconds,
): Readonly<Record<string, string>> {
  const mac = makeMac('sha256', key, signedText(String(now), method, target))
  return { [timestampHeader]: String(now), [signatureHeader]: `${version}=${mac}` }
}

function signedText(timestamp: string, method: string, target: string): string {
  return [version, timestamp, method, target].join('\n')
}

/** A request as Node's HTTP server, Koa (`ctx.req`) and Express give it. */
export interface SignedRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The target as it came, where a framework has shortened `url`. */
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface VerifySignatureOptions {
  /** `signature.secret` of the asking Playgate; while it is being changed, the old one too. */
  readonly secret: string | readonly string[]
  /** Seconds since 1970. @default the system's clock */
  readonly now?: number | undefined
  /** Seconds that the question may be old, or ahead of our clock. @default 300 */
  readonly toleranceSeconds?: number | undefined
}

/** `missing`: not signed. `malformed`: in no form of ours. `mismatch`: of another secret, or changed on the way. `outdated`: good, and not of now. */
export type SignatureReason = 'missing' | 'malformed' | 'mismatch' | 'outdated'
export type SignatureResult =
  | { readonly valid: true }
  | { readonly valid: false; readonly reason: SignatureReason }

/**
 * Did a Playgate that knows the secret ask this? For a site's own server.
 *
 * @throws {OptionError} for no secret, or one that is too short
 */
export function verifyRemoteSignature(
  request: SignedRequest,
  {
    secret,
    now = systemTime(),
    toleranceSeconds = defaultToleranceSeconds,
  }: VerifySignatureOptions,
): SignatureResult {
  const keys = [secret].flat().map((text) => remoteSigningKey(text, 'secret'))
  if (keys.length === 0) throw new OptionError([{ path: 'secret', message: 'none is given' }])
  const timestamp = request.headers[timestampHeader]
  const signature = request.headers[signatureHeader]
  if (timestamp === undefined || signature === undefined) return refuse('missing')
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return refuse('malformed')
  const mac = typeof signature === 'string' ? /^v1=([0-9a-f]{64})$/.exec(signature)?.[1] : undefined
  if (mac === undefined) return refuse('malformed')

  const target = request.originalUrl ?? request.url ?? ''
  const text = signedText(timestamp, request.method ?? '', target)
  if (!keys.some((key) => isMac('sha256', key, text, mac))) return refuse('mismatch')
  return Math.abs(now - Number(timestamp)) <= toleranceSeconds
    ? { valid: true }
    : refuse('outdated')
}

function refuse(reason: SignatureReason): SignatureResult {
  return { valid: false, reason }
}
