import type { PlaceClaim, PlaceOutcome } from './session-store.ts'

/** A session among the streams of one subject. */
export interface Place {
  /** Of its last request; for an ended one, when it was ended. Milliseconds since 1970. */
  readonly seenAtMs: number
  readonly device: string
  /** How long it may be silent and is counted still, by the rule of its own latest claim. */
  readonly idleMs: number
  /** It had to make room: not counted, and kept only to tell it so. */
  readonly isEnded: boolean
}

/** The places of one subject, by session id. */
export type Places = Map<string, Place>

const longestIdleSeconds = 86_400

/** @throws {RangeError} for a digest that breaks the rules of `PlaceClaim` */
export function checkPlaceSubject(subject: string): void {
  if (!/^[!-~]{1,64}$/.test(subject)) {
    throw new RangeError('subject: 1 to 64 visible ASCII characters')
  }
}

/** @throws {RangeError} for a claim that breaks the rules of `PlaceClaim` */
export function checkClaim({ subject, device, idleSeconds, max }: PlaceClaim): void {
  checkPlaceSubject(subject)
  if (!/^[!-~]{1,64}$/.test(device)) {
    throw new RangeError('device: 1 to 64 visible ASCII characters')
  }
  if (!(idleSeconds > 0 && idleSeconds <= longestIdleSeconds)) {
    throw new RangeError(`idleSeconds: more than 0 and at most ${longestIdleSeconds}`)
  }
  if (!(Number.isInteger(max) && max >= 1)) throw new RangeError('max: 1 or more')
}

/** By then the revocation that goes with it has reached everybody. */
export const keepEndedMs = 600_000
/** However often a viewer changes channels. */
export const mostEnded = 32

/**
 * Counts one session, and changes the places accordingly. The redis store does the same in `redis-scripts.ts`; the contract
 * suite holds the two together.
 *
 * A viewer who reloads or changes channels leaves a session behind that still counts for a while. So that he does not lock
 * himself out, a session that is opened on the same device takes the place of one of those. Should that one still be in use, in
 * another tab, then its next request finds all places taken: the number never exceeds `max`.
 *
 * Only a session that is just being opened makes others leave. One that comes back and finds all places taken has lost its own,
 * silent for too long or forgotten by the store: it is told `full`, or `ended` where the latest opened come first, and nobody has to
 * make room for it.
 */
export function claimPlace(places: Places, claim: PlaceClaim, nowMs: number): PlaceOutcome {
  const { sessionId, device, max, onLimit, isNew } = claim
  forget(places, nowMs)
  const known = places.get(sessionId)
  if (known?.isEnded) return { kind: 'ended' }
  const counted = [...places].filter(([id, { isEnded }]) => !isEnded && id !== sessionId)
  const ended: string[] = []
  while (known === undefined && counted.length >= max) {
    if (!isNew && onLimit === 'end-oldest') return { kind: 'ended' }
    const oldest = onLimit === 'end-oldest' ? earliest(counted) : undefined
    const victim = isNew ? (leftBehind(counted, device) ?? oldest) : undefined
    // With several places too many (a limit that was lowered), one left behind is not enough.
    if (victim === undefined || (onLimit === 'deny' && counted.length > max)) {
      return { kind: 'full', others: counted.map(([id]) => id).sort() }
    }
    counted.splice(counted.indexOf(victim), 1)
    const [id, place] = victim
    if (onLimit === 'deny') places.delete(id)
    else {
      places.set(id, { ...place, seenAtMs: nowMs, isEnded: true })
      ended.push(id)
    }
  }
  const idleMs = idleMsOf(claim)
  places.set(sessionId, { seenAtMs: nowMs, device, idleMs, isEnded: false })
  return { kind: 'counted', ended }
}

/** Whole milliseconds, as stores keep them. */
export function idleMsOf({ idleSeconds }: Pick<PlaceClaim, 'idleSeconds'>): number {
  return Math.ceil(idleSeconds * 1000)
}

/** From then on none of the places is of any account, if nothing is heard of them until then. 0 for none. */
export function idleAtMs(places: Places): number {
  return [...places.values()].reduce((latest, place) => Math.max(latest, endOf(place)), 0)
}

function endOf({ seenAtMs, idleMs, isEnded }: Place): number {
  return seenAtMs + (isEnded ? keepEndedMs : idleMs)
}

function forget(places: Places, nowMs: number): void {
  for (const [id, place] of places) if (endOf(place) <= nowMs) places.delete(id)
  const ended = [...places].filter(([, { isEnded }]) => isEnded).sort(bySeen)
  for (const [id] of ended.slice(0, -mostEnded)) places.delete(id)
}

type Entry = [id: string, place: Place]

/** The longest silent first; of equals, the earliest opened. */
function bySeen([one, { seenAtMs }]: Entry, [other, place]: Entry): number {
  return seenAtMs - place.seenAtMs || (one < other ? -1 : 1)
}

function leftBehind(counted: readonly Entry[], device: string): Entry | undefined {
  return counted.filter(([, place]) => place.device === device).sort(bySeen)[0]
}

/** Ids begin with the time of opening. */
function earliest(counted: readonly Entry[]): Entry | undefined {
  return [...counted].sort(([one], [other]) => (one < other ? -1 : 1))[0]
}
