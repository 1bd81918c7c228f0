import { createHash } from 'node:crypto'
import { decodeOnce } from '../../shared/query.ts'
import type { AccessClaims } from './access-claims.ts'

const mostSubjectCharacters = 256

/** Who a verified access token is for: its `id`. */
export function subjectOfAccess({ sessionId }: Pick<AccessClaims, 'sessionId'>): string | null {
  return sessionId === undefined ? null : listedSubject(decodeOnce(sessionId))
}

/** A subject as sessions are listed by: one that is too long is known by its digest. */
export function listedSubject(subject: string): string {
  if (subject.length <= mostSubjectCharacters) return subject
  return `sha256:${createHash('sha256').update(subject).digest('hex')}`
}
