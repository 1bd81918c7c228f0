import { numberLength } from './redis-index-scripts.ts'
import { listIn, padded } from './redis-record.ts'
import { usedLength } from './redis-token-scripts.ts'
import { StoreUnavailable } from './store.ts'
import { endOfTime, placeOf, timeText } from './token-rules.ts'
import type { TokenRecord } from './token-store.ts'

const never = '9'.repeat(numberLength)
const unused = '-'.repeat(numberLength)
const headLength = usedLength + numberLength

/** The end, as records have it. */
export function endOf({ endsAtMs }: Pick<TokenRecord, 'endsAtMs'>): string {
  return endsAtMs === null ? never : padded(endsAtMs)
}

/** As indexes have it. */
export function entryOf(record: TokenRecord): string {
  const { endsAtMs } = record
  return placeOf(record) + (endsAtMs === null ? endOfTime : timeText(endsAtMs))
}

/** What of a record never changes, from the end on. */
export function restOf(record: TokenRecord): string {
  const { realm, name, clientIp, referrer, createdAtMs } = record
  return endOf(record) + JSON.stringify([createdAtMs, realm, name, clientIp, referrer])
}

/** As `redis-token-scripts.ts` describes it. */
export function writeTokenRecord(record: TokenRecord): string {
  const { kind, usedAtMs } = record
  return kind.charAt(0) + (usedAtMs === null ? unused : padded(usedAtMs)) + restOf(record)
}

/** @throws {StoreUnavailable} for what is no record */
export function readTokenRecord(id: string, text: string): TokenRecord {
  const { kind, used, ends } =
    /^(?<kind>[mt])(?<used>\d{15}|-{15})(?<ends>\d{15})$/.exec(text.slice(0, headLength))?.groups ??
    {}
  const [createdAtMs, realm, ...others] = listIn(text.slice(headLength))
  const [name, clientIp, referrer] = others
  if (
    kind === undefined ||
    typeof createdAtMs !== 'number' ||
    typeof realm !== 'string' ||
    !isTextOrNull(name) ||
    !isTextOrNull(clientIp) ||
    !isTextOrNull(referrer)
  ) {
    throw new StoreUnavailable('redis keeps a token that is none')
  }
  return {
    id,
    kind: kind === 'm' ? 'managed' : 'timed',
    realm,
    name,
    clientIp,
    referrer,
    createdAtMs,
    endsAtMs: ends === never ? null : Number(ends),
    usedAtMs: used === unused ? null : Number(used),
  }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
