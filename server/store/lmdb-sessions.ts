import { createHash } from 'node:crypto'
import type { LmdbFacts } from './lmdb-facts.ts'
import type { LmdbFile } from './lmdb-file.ts'
import { endedKeys, endKey, nothing, readEndKey } from './lmdb-keys.ts'
import { scanPage } from './lmdb-scan.ts'
import { mergeSighting } from './session-book.ts'
import {
  type SessionPage,
  type SessionQuery,
  type SessionRecord,
  type Sighting,
  sessionIdForm,
} from './session-store.ts'

/** Sessions forgotten at most for each one that is added: their number shrinks faster than it grows. */
const sweptPerSession = 8

const idBytes = 20
/** Above all ids. */
const endOfIds = Buffer.alloc(idBytes + 1, 0xff)

/** Half as long as its text, and sorts the same. */
function idKey(id: string): Buffer {
  return Buffer.from(id, 'hex')
}

function subjectDigest(subject: string): Buffer {
  return createHash('sha256').update(subject).digest()
}

/** Everything but the id, which is the key; without names, since a million of them are kept. */
type Row = [
  endsAtMs: number,
  seenAtMs: number,
  requests: number,
  openedAtMs: number,
  subject: string | null,
  rule: string,
  path: string,
  client: string,
  userAgent: string,
  parent?: string,
]

function writeRow(record: SessionRecord): Buffer {
  const { endsAtMs, seenAtMs, requests, openedAtMs, subject, rule, path, client, userAgent } =
    record
  const { parent } = record
  const row: Row = [
    endsAtMs,
    seenAtMs,
    requests,
    openedAtMs,
    subject,
    rule,
    path,
    client,
    userAgent,
    ...(parent === undefined ? ([] as const) : ([parent] as const)),
  ]
  return Buffer.from(JSON.stringify(row))
}

function readRecord({ sessions }: LmdbFile, key: Buffer): SessionRecord | undefined {
  const bytes = sessions.get(key)
  if (bytes === undefined) return undefined
  const row: Row = JSON.parse(bytes.toString())
  const [endsAtMs, seenAtMs, requests, openedAtMs, subject, rule, path, client, userAgent, parent] =
    row
  return {
    id: key.toString('hex'),
    subject,
    rule,
    path,
    client,
    userAgent,
    openedAtMs,
    seenAtMs,
    endsAtMs,
    requests,
    ...(parent !== undefined && { parent }),
  }
}

function alive(record: SessionRecord | undefined, nowMs: number): SessionRecord | null {
  return record !== undefined && record.endsAtMs > nowMs ? record : null
}

export function findSession(file: LmdbFile, id: string, nowMs: number): SessionRecord | null {
  return sessionIdForm.test(id) ? alive(readRecord(file, idKey(id)), nowMs) : null
}

/** Looks for a page as `scanPage` does. */
export function* scanSessions(
  file: LmdbFile,
  { subject, after, limit }: SessionQuery,
  nowMs: number,
): Generator<void, SessionPage, void> {
  const { found, hasMore } = yield* scanPage({
    table: subject === undefined ? file.sessions : file.subjectSessions,
    prefix: subject === undefined ? Buffer.alloc(0) : subjectDigest(subject),
    before: after === undefined ? endOfIds : idKey(after),
    limit,
    read: (key) => alive(readRecord(file, key), nowMs),
  })
  return { sessions: found, next: hasMore ? (found.at(-1)?.id ?? null) : null }
}

/** Sessions as one write transaction sees them. Only to be used inside of it. */
export class LmdbSessions {
  readonly #file: LmdbFile
  readonly #facts: LmdbFacts
  readonly #most: number

  /** @param most sessions held at most */
  constructor(file: LmdbFile, facts: LmdbFacts, most: number) {
    this.#file = file
    this.#facts = facts
    this.#most = most
  }

  /** @returns whether there was room for it */
  note(sighting: Sighting, nowMs: number): boolean {
    const key = idKey(sighting.id)
    const found = readRecord(this.#file, key)
    const known = found !== undefined && found.endsAtMs > nowMs ? found : undefined
    const record = mergeSighting(known, sighting)
    if (record.endsAtMs <= nowMs) return true
    if (found === undefined && !this.#makeRoom(nowMs)) return false
    this.#file.sessions.putSync(key, writeRow(record))
    if (found?.endsAtMs !== record.endsAtMs) {
      if (found !== undefined) this.#file.sessionEnds.removeSync(endKey(found.endsAtMs, key))
      this.#file.sessionEnds.putSync(endKey(record.endsAtMs, key), nothing)
    }
    if (found?.subject !== record.subject) {
      if (found !== undefined) this.#forgetSubject(found.subject, key)
      if (record.subject !== null) {
        const subjectKey = Buffer.concat([subjectDigest(record.subject), key])
        this.#file.subjectSessions.putSync(subjectKey, nothing)
      }
    }
    return true
  }

  /** @returns whether there is any; then it is taken */
  #makeRoom(nowMs: number): boolean {
    for (const ended of endedKeys(this.#file.sessionEnds, nowMs, sweptPerSession)) {
      const { key } = readEndKey(ended)
      this.#forgetSubject(readRecord(this.#file, key)?.subject ?? null, key)
      this.#file.sessions.removeSync(key)
      this.#file.sessionEnds.removeSync(ended)
      this.#facts.add('sessions', -1)
    }
    if (this.#facts.get('sessions') >= this.#most) return false
    this.#facts.add('sessions', 1)
    return true
  }

  #forgetSubject(subject: string | null, key: Buffer): void {
    if (subject === null) return
    this.#file.subjectSessions.removeSync(Buffer.concat([subjectDigest(subject), key]))
  }
}
