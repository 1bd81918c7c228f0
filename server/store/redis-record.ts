import { numberLength } from './redis-index-scripts.ts'
import { headLength } from './redis-session-scripts.ts'
import type { SessionRecord, Sighting } from './session-store.ts'
import { StoreUnavailable } from './store.ts'

/** A time or a count, as a record has it. */
export const padded = (number: number): string => String(number).padStart(numberLength, '0')

/** What of a session never changes, as a record ends with it. */
export function bodyOf(sighting: Sighting): string {
  const { openedAtMs, subject, rule, path, client, userAgent, parent } = sighting
  const body = [openedAtMs, subject, rule, path, client, userAgent]
  return JSON.stringify(parent === undefined ? body : [...body, parent])
}

/** @throws {StoreUnavailable} for what is no such part */
export function readBody(
  text: string,
): Omit<SessionRecord, 'id' | 'seenAtMs' | 'endsAtMs' | 'requests'> {
  const [openedAtMs, subject, ...others] = listIn(text)
  const [rule, path, client, userAgent, parent] = others
  const isSubject = subject === null || typeof subject === 'string'
  if (
    typeof openedAtMs !== 'number' ||
    !isSubject ||
    typeof rule !== 'string' ||
    typeof path !== 'string' ||
    typeof client !== 'string' ||
    typeof userAgent !== 'string'
  ) {
    throw new StoreUnavailable('redis keeps a session that is none')
  }
  const body = { openedAtMs, subject, rule, path, client, userAgent }
  return typeof parent === 'string' ? { ...body, parent } : body
}

/** @throws {StoreUnavailable} for what is no record; `redis-session-scripts.ts` describes it */
export function readRecord(id: string, text: string): SessionRecord {
  const numbers = /^.(\d{15})(\d{15})(\d{15})$/.exec(text.slice(0, headLength))
  if (numbers === null) throw new StoreUnavailable('redis keeps a session that is none')
  const [seenAtMs = 0, endsAtMs = 0, requests = 0] = numbers.slice(1).map(Number)
  return { id, ...readBody(text.slice(headLength)), seenAtMs, endsAtMs, requests }
}

/** A list in JSON; an empty one for all else. */
export function listIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
