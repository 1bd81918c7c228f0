import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimPlace, type Places } from '../../../server/store/places.ts'
import type {
  PlaceClaim,
  Revocation,
  SessionRecord,
  SessionStore,
} from '../../../server/store/session-store.ts'
import { describeStores, type Subject } from './subjects.ts'

let serial = 0
/** A name that no test had before. */
const fresh = (name: string): string => `${name}-${serial++}`

/** An id that was opened at that time. */
function idAt(openedAtMs: number): string {
  return openedAtMs.toString(16).padStart(12, '0') + (serial++).toString(16).padStart(28, '0')
}

async function everyRevocation(store: SessionStore, from: string | null) {
  const entries: Revocation[] = []
  let cursor = from
  for (let more = true; more; ) {
    const news = await store.revocationsSince(cursor)
    entries.push(...news.entries)
    cursor = news.cursor
    more = news.more
  }
  return { entries, cursor }
}

function contract(open: () => Promise<Subject>): void {
  let subject: Subject
  let store: SessionStore
  beforeAll(async () => {
    subject = await open()
    store = subject.store
  })
  afterAll(() => subject.close())

  /** News of a session that was opened now and lives for an hour. */
  function session(more: Partial<SessionRecord> = {}): SessionRecord {
    const nowMs = subject.nowMs()
    return {
      id: idAt(nowMs),
      subject: null,
      rule: 'films',
      path: '/vod/film/index.m3u8',
      client: '192.0.2.7',
      userAgent: 'Viewer/1.0 (größer; "quoted")',
      openedAtMs: nowMs,
      seenAtMs: nowMs,
      endsAtMs: nowMs + 3_600_000,
      requests: 1,
      ...more,
    }
  }

  describe('sessions', () => {
    it('are found as they were told, from every door', async () => {
      const told = session({ subject: 'u:7 ü\n', path: '/vod/ä b/index.m3u8' })
      await store.noteSessions([told])
      expect(await store.findSession(told.id)).toEqual(told)
      expect(await subject.other.findSession(told.id)).toEqual(told)
      expect(await store.findSession(idAt(1))).toBeNull()
    })

    it('name the session that gave them away, and only those that have one', async () => {
      const [mine, link] = [session(), session({ parent: idAt(subject.nowMs()) })]
      await store.noteSessions([mine, link])
      await subject.other.noteSessions([{ ...link, parent: idAt(1), requests: 0 }])
      expect(await subject.other.findSession(link.id)).toStrictEqual(link)
      expect(await store.findSession(mine.id)).toStrictEqual(mine)
      await expect(store.noteSessions([session({ parent: 'nobody' })])).rejects.toThrow(RangeError)
    })

    it('grow by news: later ends and requests, and everything else as it was first told', async () => {
      const told = session({ requests: 3 })
      await store.noteSessions([told])
      const later = { seenAtMs: told.seenAtMs + 5000, endsAtMs: told.endsAtMs + 9000 }
      const news = { ...told, ...later, requests: 2, path: '/other', client: '192.0.2.9' }
      await subject.other.noteSessions([news])
      expect(await store.findSession(told.id)).toEqual({ ...told, ...later, requests: 5 })
      await store.noteSessions([{ ...told, requests: 1 }])
      expect(await store.findSession(told.id)).toEqual({ ...told, ...later, requests: 6 })
    })

    it('are forgotten when their last token has ended, and not before', async () => {
      const subjectName = fresh('ending')
      const short = session({ subject: subjectName, endsAtMs: subject.nowMs() + 60_000 })
      const renewed = session({ subject: subjectName, endsAtMs: subject.nowMs() + 60_000 })
      await store.noteSessions([short, renewed])
      await store.noteSessions([{ ...renewed, endsAtMs: subject.nowMs() + 600_000, requests: 0 }])
      await subject.pass(55)
      expect(await store.findSession(short.id)).not.toBeNull()
      await subject.pass(10)
      expect(await store.findSession(short.id)).toBeNull()
      const { sessions } = await store.listSessions({ subject: subjectName, limit: 10 })
      expect(sessions.map(({ id }) => id)).toEqual([renewed.id])
    })

    it('are listed page by page, the latest opened first', async () => {
      const base = subject.nowMs() + 1_000_000
      const told = Array.from({ length: 57 }, (_, index) =>
        session({ id: idAt(base + ((index * 31) % 57)), endsAtMs: base + 9_000_000 }),
      )
      await store.noteSessions(told)
      const expected = told
        .map(({ id }) => id)
        .sort()
        .reverse()
      const found: string[] = []
      let after: string | undefined
      do {
        const page = await store.listSessions({ limit: 10, ...(after !== undefined && { after }) })
        expect(page.sessions.length).toBeLessThanOrEqual(10)
        found.push(...page.sessions.map(({ id }) => id))
        after = page.next ?? undefined
        // One that is opened meanwhile comes before all pages, and moves none of them.
        await store.noteSessions([session({ id: idAt(base + 60), endsAtMs: base + 9_000_000 })])
      } while (after !== undefined && found.length < expected.length)
      expect(found.slice(0, expected.length)).toEqual(expected)
    })

    it('are listed for one subject alone', async () => {
      const name = fresh('user')
      const base = subject.nowMs() + 2_000_000
      const mine = [3, 1, 2].map((step) =>
        session({ id: idAt(base + step), subject: name, endsAtMs: base + 9_000_000 }),
      )
      await store.noteSessions([...mine, session({ subject: `${name}x` }), session()])
      const first = await store.listSessions({ subject: name, limit: 2 })
      expect(first.sessions.map(({ id }) => id)).toEqual([mine[0]?.id, mine[2]?.id])
      const second = await store.listSessions({
        subject: name,
        limit: 2,
        after: first.next ?? '',
      })
      expect(second).toEqual({ sessions: [mine[1]], next: null })
      const nobody = await store.listSessions({ subject: fresh('nobody'), limit: 1 })
      expect(nobody).toEqual({ sessions: [], next: null })
    })

    it.each(['__proto__', '*', 'a:b', '{x}', 'a\u0000b', 'x'.repeat(256)])(
      'take %j for a subject like any other',
      async (name) => {
        const told = session({ subject: name })
        await store.noteSessions([told])
        const { sessions } = await store.listSessions({ subject: name, limit: 1000 })
        expect(sessions.map(({ id }) => id)).toContain(told.id)
        expect(sessions.every((one) => one.subject === name)).toBe(true)
      },
    )

    it('take many at once', async () => {
      const name = fresh('crowd')
      const told = Array.from({ length: 700 }, () => session({ subject: name }))
      await store.noteSessions(told)
      const { sessions, next } = await store.listSessions({ subject: name, limit: 1000 })
      expect([sessions.length, next]).toEqual([700, null])
    })

    it.each([
      ['an id of another form', { id: 'x' }],
      ['an id in capitals', { id: 'A'.repeat(40) }],
      ['a long subject', { subject: 'x'.repeat(257) }],
      ['a long path', { path: 'x'.repeat(1025) }],
      ['a time that is none', { seenAtMs: Number.NaN }],
      ['a negative count', { requests: -1 }],
    ])('take %s for a mistake of their caller', async (_, wrong) => {
      await expect(store.noteSessions([session(wrong)])).rejects.toThrow(RangeError)
    })

    it.each([{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { limit: 5, after: 'x' }])(
      'take the question %j for a mistake of its caller',
      async (query) => {
        await expect(store.listSessions(query)).rejects.toThrow(RangeError)
      },
    )
  })

  describe('revocations', () => {
    const entry = (more: Partial<Revocation> = {}): Revocation => ({
      kind: 'subject',
      value: fresh('value'),
      beforeMs: subject.nowMs(),
      untilMs: subject.nowMs() + 3_600_000,
      ...more,
    })

    it('are told once to whoever asks from where he was', async () => {
      const before = await everyRevocation(subject.other, null)
      expect(await everyRevocation(subject.other, before.cursor)).toEqual({
        entries: [],
        cursor: before.cursor,
      })
      const [one, two] = [entry(), entry({ kind: 'session', value: idAt(5) })]
      await store.revoke([one])
      const middle = await everyRevocation(subject.other, before.cursor)
      expect(middle.entries).toEqual([one])
      await store.revoke([two])
      expect((await everyRevocation(subject.other, middle.cursor)).entries).toEqual([two])
      expect((await everyRevocation(store, before.cursor)).entries).toEqual([one, two])
    })

    it('are all told to whoever is new, and to whoever knew another store', async () => {
      const all = [
        entry({ kind: 'key' }),
        entry({ kind: 'access' }),
        entry({ kind: 'all', value: '*' }),
      ]
      await store.revoke(all)
      for (const cursor of [null, 'another.7', 'nonsense', '']) {
        const { entries } = await everyRevocation(store, cursor)
        expect(entries).toEqual(expect.arrayContaining(all))
      }
    })

    it('of one kind and value are one, and end the more of both', async () => {
      const one = entry()
      const before = (await everyRevocation(store, null)).cursor
      await store.revoke([one, { ...one, beforeMs: one.beforeMs - 5, untilMs: one.untilMs + 5 }])
      await subject.other.revoke([{ ...one, beforeMs: one.beforeMs + 3 }])
      const wide = { ...one, beforeMs: one.beforeMs + 3, untilMs: one.untilMs + 5 }
      expect((await everyRevocation(store, before)).entries.at(-1)).toEqual(wide)
      const all = (await everyRevocation(store, null)).entries
      expect(all.filter(({ value }) => value === one.value)).toEqual([wide])
    })

    it('are forgotten when nothing of what they end is left', async () => {
      const [short, long] = [entry({ untilMs: subject.nowMs() + 60_000 }), entry()]
      await store.revoke([short, long])
      await subject.pass(61)
      await store.revoke([entry()])
      const values = (await everyRevocation(store, null)).entries.map(({ value }) => value)
      expect(values).toContain(long.value)
      expect(values).not.toContain(short.value)
    })

    it('are told in parts when there are many', async () => {
      const before = (await everyRevocation(store, null)).cursor
      const many = Array.from({ length: 12_000 }, () => entry())
      for (let from = 0; from < many.length; from += 1000) {
        await store.revoke(many.slice(from, from + 1000))
      }
      const { entries } = await everyRevocation(store, before)
      expect(new Set(entries.map(({ value }) => value))).toEqual(
        new Set(many.map(({ value }) => value)),
      )
    }, 60_000)

    it.each([
      ['an empty value', { value: '' }],
      ['a value with a blank', { value: 'a b' }],
      ['a time that is none', { untilMs: Number.POSITIVE_INFINITY }],
    ])('take %s for a mistake of their caller', async (_, wrong) => {
      await expect(store.revoke([entry(wrong)])).rejects.toThrow(RangeError)
    })
  })

  describe('places', () => {
    let who = ''
    beforeEach(() => {
      who = fresh('subject')
    })
    const claim = (sessionId: string, more: Partial<PlaceClaim> = {}): PlaceClaim => ({
      subject: who,
      sessionId,
      device: sessionId,
      idleSeconds: 60,
      max: 2,
      onLimit: 'deny',
      isNew: true,
      ...more,
    })
    const one = async (sessionId: string, more: Partial<PlaceClaim> = {}) =>
      (await store.claimPlaces([claim(sessionId, more)]))[0]
    const counted = { kind: 'counted', ended: [] }

    it('are given until there are none, and told who has them', async () => {
      const [a, b, c] = [idAt(1), idAt(2), idAt(3)]
      expect(await one(b)).toEqual(counted)
      expect(await one(a)).toEqual(counted)
      expect(await one(c)).toEqual({ kind: 'full', others: [a, b] })
      expect(await one(a)).toEqual(counted)
      expect(await one(c, { subject: fresh('somebody-else') })).toEqual(counted)
    })

    it('are free again when they are given back, or idle', async () => {
      const [a, b, c, d] = [idAt(1), idAt(2), idAt(3), idAt(4)]
      await one(a)
      await one(b)
      await subject.other.leavePlace(who, a)
      await subject.other.leavePlace(who, 'never-there')
      expect(await one(c)).toEqual(counted)
      await subject.pass(40)
      expect(await one(c, { isNew: false })).toEqual(counted)
      expect(await one(d)).toEqual({ kind: 'full', others: [b, c] })
      await subject.pass(25)
      expect(await one(d)).toEqual(counted)
      expect(await one(b, { isNew: false })).toEqual({ kind: 'full', others: [c, d] })
    })

    it('of a session that its viewer has left go to his next one, on the same device', async () => {
      const [a, b, c] = [idAt(1), idAt(2), idAt(3)]
      await one(a, { device: 'tv', max: 1 })
      expect(await one(b, { device: 'phone', max: 1 })).toEqual({ kind: 'full', others: [a] })
      expect(await one(b, { device: 'tv', max: 1 })).toEqual(counted)
      // The one that was left is not left after all: it is one too many.
      const back = { device: 'tv', max: 1, isNew: false }
      expect(await one(a, back)).toEqual({ kind: 'full', others: [b] })
      expect(await one(b, back)).toEqual(counted)
      await store.leavePlace(who, b)
      expect(await one(a, back)).toEqual(counted)
      expect(await one(c, { device: 'phone', max: 1 })).toEqual({ kind: 'full', others: [a] })
    })

    it('are taken from the session opened first, where the rule says so', async () => {
      const [a, b, c, d] = [idAt(1), idAt(2), idAt(3), idAt(4)]
      const ending = { onLimit: 'end-oldest' } as const
      await one(a, ending)
      await one(b, ending)
      expect(await one(c, ending)).toEqual({ kind: 'counted', ended: [a] })
      expect(await one(a, { ...ending, isNew: false })).toEqual({ kind: 'ended' })
      // Of the same device first: the television goes on while a phone changes channels.
      expect(await one(d, { ...ending, device: c })).toEqual({ kind: 'counted', ended: [c] })
      expect(await one(b, { ...ending, isNew: false })).toEqual(counted)
      await store.leavePlace(who, c)
      expect(await one(c, { ...ending, isNew: false })).toEqual({ kind: 'ended' })
    })

    it('are of no use to one that comes back too late, and others keep theirs', async () => {
      const [a, b, c] = [idAt(1), idAt(2), idAt(3)]
      const ending = { onLimit: 'end-oldest' } as const
      const back = { ...ending, isNew: false }
      await one(a, ending)
      await one(b, ending)
      await subject.pass(40)
      expect(await one(b, back)).toEqual(counted)
      await subject.pass(25)
      expect(await one(c, ending)).toEqual(counted)
      expect(await one(a, back)).toEqual({ kind: 'ended' })
      expect(await one(a, { ...back, device: c })).toEqual({ kind: 'ended' })
      expect(await one(b, back)).toEqual(counted)
      expect(await one(c, back)).toEqual(counted)
    })

    it('are idle by the rule of their own session, and that of its latest claim', async () => {
      const [a, b, c, d] = [idAt(1), idAt(2), idAt(3), idAt(4)]
      const [long, short] = [{ idleSeconds: 600 }, { idleSeconds: 60 }]
      await one(a, long)
      await subject.pass(100)
      expect(await one(b, short)).toEqual(counted)
      expect(await one(c, short)).toEqual({ kind: 'full', others: [a, b] })
      await subject.pass(60)
      // The rule of the one who asks is of no account for the others.
      expect(await one(c, long)).toEqual(counted)
      expect(await one(d, short)).toEqual({ kind: 'full', others: [a, c] })
      expect(await one(a, { ...short, isNew: false })).toEqual(counted)
      await subject.pass(60)
      expect(await one(d, long)).toEqual(counted)
      expect(await one(b, { ...long, isNew: false })).toEqual({ kind: 'full', others: [c, d] })
    })

    it('are as many as the limit says now', async () => {
      const [a, b, c, d] = [idAt(1), idAt(2), idAt(3), idAt(4)]
      for (const id of [a, b, c]) await one(id, { max: 3 })
      expect(await one(d, { max: 1, device: a })).toEqual({ kind: 'full', others: [a, b, c] })
      expect(await one(a, { max: 1, isNew: false })).toEqual(counted)
      expect(await one(d, { max: 1, onLimit: 'end-oldest' })).toEqual({
        kind: 'counted',
        ended: [a, b, c],
      })
    })

    it('are never more than there are, however many ask at once', async () => {
      const claims = Array.from({ length: 200 }, (_, index) => claim(idAt(index), { max: 3 }))
      const doors = [subject.store, subject.other]
      const outcomes = await Promise.all(
        claims.map((each, index) => doors[index % 2]?.claimPlaces([each])),
      )
      const kinds = outcomes.map((outcome) => outcome?.[0]?.kind)
      expect(kinds.filter((kind) => kind === 'counted')).toHaveLength(3)
      expect(kinds.filter((kind) => kind === 'full')).toHaveLength(197)
    })

    it('are claimed in the order of a list', async () => {
      const ids = [idAt(1), idAt(2), idAt(3)]
      const outcomes = await store.claimPlaces([
        ...ids.map((id) => claim(id)),
        claim(idAt(4), { subject: fresh('other') }),
        claim(ids[0] ?? ''),
      ])
      expect(outcomes).toEqual([
        counted,
        counted,
        { kind: 'full', others: ids.slice(0, 2) },
        counted,
        counted,
      ])
    })

    it.each([
      ['an empty subject', { subject: '' }],
      ['a subject that is no digest', { subject: 'user 7' }],
      ['a long device', { device: 'x'.repeat(65) }],
      ['no time', { idleSeconds: 0 }],
      ['more than a day', { idleSeconds: 86_401 }],
      ['no place at all', { max: 0 }],
    ])('take %s for a mistake of their caller', async (_, wrong) => {
      await expect(one(idAt(1), wrong)).rejects.toThrow(RangeError)
      await expect(store.peekPlace(claim(idAt(1), wrong))).rejects.toThrow(RangeError)
    })

    it('are judged as places.ts says, in every sequence', async () => {
      const step = fc.oneof(
        {
          weight: 5,
          arbitrary: fc.record({
            sessionId: fc.integer({ min: 1, max: 5 }),
            device: fc.constantFrom('tv', 'phone', 'tablet'),
            max: fc.constantFrom(1, 2, 2, 3),
            onLimit: fc.constantFrom('deny' as const, 'end-oldest' as const),
            idleSeconds: fc.constantFrom(60, 60, 30, 900),
            isNew: fc.boolean(),
          }),
        },
        { weight: 1, arbitrary: fc.record({ pass: fc.constantFrom(10, 25, 70, 700) }) },
        { weight: 1, arbitrary: fc.record({ leave: fc.integer({ min: 1, max: 5 }) }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const name = fresh('sequence')
          const places: Places = new Map()
          let nowMs = 1_000_000
          const id = (number: number): string => number.toString(16).padStart(40, '0')
          for (const [index, one] of steps.entries()) {
            const door = index % 2 === 0 ? subject.store : subject.other
            // Real time passes for some stores: a tick keeps the order of requests in the model, too.
            nowMs += 1
            if ('pass' in one) {
              nowMs += one.pass * 1000
              await subject.pass(one.pass)
            } else if ('leave' in one) {
              if (places.get(id(one.leave))?.isEnded === false) places.delete(id(one.leave))
              await door.leavePlace(name, id(one.leave))
            } else {
              await subject.pass(0.001)
              const asked = { ...one, subject: name, sessionId: id(one.sessionId) }
              const expected = claimPlace(places, asked, nowMs)
              // A look tells the same, as often as it is taken, and changes nothing.
              for (const at of [door, subject.other]) {
                expect(await at.peekPlace(asked)).toEqual(expected)
              }
              expect((await door.claimPlaces([asked]))[0]).toEqual(expected)
            }
          }
        }),
        { numRuns: 60 },
      )
    }, 60_000)
  })

  it('refuse once the store is closed', async () => {
    const closing = await open()
    await Promise.all([closing.store.close(), closing.store.close()])
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', status: 503 }
    const calls = [
      closing.store.noteSessions([session()]),
      closing.store.findSession(idAt(1)),
      closing.store.listSessions({ limit: 1 }),
      closing.store.revoke([]),
      closing.store.revocationsSince(null),
      closing.store.claimPlaces([]),
      closing.store.peekPlace({
        subject: 'a',
        sessionId: idAt(1),
        device: 'tv',
        idleSeconds: 60,
        max: 1,
        onLimit: 'deny',
        isNew: true,
      }),
      closing.store.leavePlace('a', 'b'),
    ]
    for (const call of calls) await expect(call).rejects.toMatchObject(refusal)
    await closing.close()
  })
}

describeStores(contract)
