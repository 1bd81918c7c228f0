import { PlaybackError } from '../../shared/codes.ts'
import type { Refusal } from '../session/decision.ts'

/** A refusal as an error, which owns everything that its answer needs. */
export function refusalError({
  reason,
  detail,
  retryAfterSeconds,
}: Pick<Refusal, 'reason' | 'detail' | 'retryAfterSeconds'>): PlaybackError {
  const code = reason === 'token-missing' ? 'ERR_TOKEN_MISSING' : 'ERR_TOKEN_REFUSED'
  if (retryAfterSeconds === undefined) return new PlaybackError({ code, reason, detail })
  return new PlaybackError({
    ...{ code, reason, detail, limit: 'too-many-unknown' },
    headers: { 'Retry-After': String(retryAfterSeconds) },
    members: { detail: 'too many unknown tokens from one address' },
  })
}
