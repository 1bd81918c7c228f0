import { describe, expect, it } from 'vitest'
import { EndingFeed } from '../../../server/session/ending-feed.ts'
import { Endings, sessionEnding, subjectEnding } from '../../../server/session/endings.ts'
import {
  accessTag,
  keyTag,
  newSessionId,
  subjectDigest,
} from '../../../server/session/session-id.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import type { Revocation } from '../../../server/store/session-store.ts'
import { StoreUnavailable } from '../../../server/store/store.ts'
import { deferred } from '../../stage/deferred.ts'

const id = newSessionId({ openedAtMs: 1000, keyTag: keyTag('vod'), accessTag: accessTag('one') })
const mine = { id, subject: 'u7' }
const entry = (
  kind: Revocation['kind'],
  value: string,
  beforeMs = 1001,
  untilMs = 9_000_000,
): Revocation => ({ kind, value, beforeMs, untilMs })

describe('what was ended', () => {
  it.each([
    ['the session itself', entry('session', id, 0), 'session'],
    ['its subject', entry('subject', subjectDigest('u7')), 'subject'],
    ['its access token', entry('access', accessTag('one')), 'access'],
    ['its key', entry('key', keyTag('vod')), 'key'],
    ['everything', entry('all', '*'), 'all'],
  ] as const)('by %s', (_what, revocation, by) => {
    const endings = new Endings()
    expect(endings.endedBy(mine)).toBeNull()
    endings.apply([revocation])
    expect(endings.endedBy(mine)).toBe(by)
    const later = newSessionId({
      openedAtMs: 1001,
      keyTag: keyTag('vod'),
      accessTag: accessTag('one'),
    })
    // What was opening while its access token was ended is ended, too.
    const isAccess = by === 'access'
    expect(endings.endedBy({ id: later, subject: 'u7' })).toBe(isAccess ? 'access' : null)
  })

  it('with the session that gave it away, and with no other', () => {
    const endings = new Endings()
    const parent = id.replace(/.$/, 'x')
    endings.apply([entry('session', parent, 0)])
    expect(endings.endedBy({ ...mine, parent })).toBe('session')
    expect(endings.endedBy(mine)).toBeNull()
    endings.apply([entry('session', id, 0)])
    expect(endings.endedBy({ id: parent, subject: 'u7' })).toBe('session')
    expect(endings.endedBy({ id: `${id}x`, subject: 'u7', parent: `${parent}x` })).toBeNull()
  })

  it.each([
    ['another session', entry('session', `${id.slice(0, -1)}x`)],
    ['another subject', entry('subject', subjectDigest('u8'))],
    ['a subject named like the digest', entry('subject', 'u7')],
    ['another access token', entry('access', accessTag('two'))],
    ['another key', entry('key', keyTag('live'))],
    ['what was opened before', entry('all', '*', 1000)],
  ])('is not what was opened by %s', (_what, revocation) => {
    const endings = new Endings()
    endings.apply([revocation])
    expect(endings.endedBy(mine)).toBeNull()
  })

  it('is the subject of one key, where both are named', () => {
    const endings = new Endings()
    endings.apply([entry('subject', subjectEnding('u7', keyTag('live')))])
    expect(endings.endedBy(mine)).toBeNull()
    endings.apply([entry('subject', subjectEnding('u7', keyTag('vod')))])
    expect(endings.endedBy(mine)).toBe('subject')
  })

  it.each(['a b', 'x'.repeat(200), ''])('may be a session of another edge: %j', (made) => {
    const endings = new Endings()
    endings.apply([entry('session', sessionEnding(made), 0)])
    expect(endings.endedBy({ id: made, subject: null })).toBe('session')
    expect(endings.endedBy({ id: `${made}x`, subject: null })).toBeNull()
  })

  it('counts sessions of another edge as opened before any time', () => {
    const endings = new Endings()
    endings.apply([entry('all', '*', 1)])
    expect(endings.endedBy({ id: 'made-elsewhere', subject: null })).toBe('all')
  })

  it('keeps the later of two times, whichever comes last', () => {
    const endings = new Endings()
    endings.apply([entry('all', '*', 1001), entry('all', '*', 5)])
    expect(endings.endedBy(mine)).toBe('all')
  })

  it('is kept as long as the longer of two entries says', () => {
    const endings = new Endings()
    endings.apply([entry('all', '*', 1001, 9000), entry('all', '*', 1001, 5000)])
    endings.forgetOver(8999)
    expect(endings.endedBy(mine)).toBe('all')
  })

  it('is forgotten when its time is over', () => {
    const endings = new Endings()
    endings.apply([entry('session', id, 0, 5000)])
    endings.forgetOver(4999)
    expect(endings.size).toBe(1)
    endings.forgetOver(5000)
    expect(endings.endedBy(mine)).toBeNull()
  })
})

describe('the feed', () => {
  function stage() {
    const store = new MemoryStore({ now: () => 1000, maxMarkers: 100_000 })
    const endings = new Endings()
    const changes: boolean[] = []
    let isDown = false
    const feed = new EndingFeed({
      endings,
      now: () => 1000,
      onChange: (isUp) => changes.push(isUp),
      store: {
        revocationsSince: async (cursor) => {
          if (isDown) throw new StoreUnavailable('away')
          return store.revocationsSince(cursor)
        },
      },
    })
    return { store, endings, changes, feed, setDown: (down: boolean) => (isDown = down) }
  }

  it('brings what was ended before and since, in as many parts as it takes', async () => {
    const { store, endings, feed } = stage()
    const many = Array.from({ length: 25_000 }, (_, index) => entry('session', `s${index}`))
    await store.revoke(many)
    await feed.ask()
    expect(endings.size).toBe(25_000)
    await store.revoke([entry('session', id)])
    await feed.ask()
    expect(endings.endedBy(mine)).toBe('session')
  })

  it('asks for everything again after the clock was set back', async () => {
    const { store, endings } = stage()
    let nowMs = 1000
    const feed = new EndingFeed({ store, endings, now: () => nowMs, onChange: () => undefined })
    await store.revoke([entry('session', id, 0, 9_000_000)])
    nowMs = 10_000_000
    await feed.ask()
    expect(endings.size).toBe(0)
    nowMs = 2000
    await feed.ask()
    expect(endings.endedBy(mine)).toBe('session')
  })

  it('asks a question of its own where an older one is under way', async () => {
    const { store, endings } = stage()
    const held = deferred()
    let asked = 0
    const feed = new EndingFeed({
      endings,
      now: () => 1000,
      onChange: () => undefined,
      store: {
        revocationsSince: async (cursor) => {
          const news = await store.revocationsSince(cursor)
          if (++asked === 1) await held.promise
          return news
        },
      },
    })
    void feed.ask()
    await store.revoke([entry('session', id)])
    const fresh = feed.askAfresh()
    held.resolve()
    await fresh
    expect(endings.endedBy(mine)).toBe('session')
  })

  it('keeps what it knows while the store is away, says so once, and catches up', async () => {
    const { store, endings, changes, feed, setDown } = stage()
    await store.revoke([entry('session', id)])
    await feed.ask()
    setDown(true)
    await feed.ask()
    await feed.ask()
    expect(changes).toEqual([false])
    expect(endings.endedBy(mine)).toBe('session')
    await store.revoke([entry('all', '*')])
    setDown(false)
    await feed.ask()
    expect(changes).toEqual([false, true])
    expect(endings.size).toBe(2)
  })
})
