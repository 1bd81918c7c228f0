import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../../server/store/store.ts'
import type { TokenRecord, TokenSelector } from '../../../server/store/token-store.ts'
import { describeStores, type Subject } from './subjects.ts'
import { everyToken, fresh, idsOf, latestFirst, tokenIdOf, tokenRecord } from './token-records.ts'

function contract(open: () => Promise<Subject>): void {
  let subject: Subject
  let store: Store
  let other: Store
  beforeAll(async () => {
    subject = await open()
    store = subject.store
    other = subject.other
  })
  afterAll(() => subject.close())

  /** A token that was made now. */
  const token = (more: Partial<TokenRecord> = {}): TokenRecord =>
    tokenRecord({ createdAtMs: subject.nowMs(), ...more })
  const timed = (seconds: number, more: Partial<TokenRecord> = {}): TokenRecord =>
    token({ kind: 'timed', endsAtMs: subject.nowMs() + seconds * 1000, ...more })

  async function addAll(tokens: readonly TokenRecord[]): Promise<void> {
    await Promise.all(tokens.map((each, index) => (index % 2 === 0 ? store : other).addToken(each)))
  }

  describe('a token', () => {
    it('is found as it was told, from every door, and nobody knows another', async () => {
      const whole = timed(600, {
        name: 'u:7 ü\n',
        clientIp: '2001:db8::/32',
        referrer: 'example.org',
        usedAtMs: subject.nowMs(),
      })
      for (const told of [whole, token()]) {
        await store.addToken(told)
        expect(await store.findToken(told.id)).toEqual(told)
        expect(await other.findToken(told.id)).toEqual(told)
      }
      expect(await store.findToken(tokenIdOf('another'))).toBeNull()
    })

    it('that is told again stays as it was, and is listed once', async () => {
      const told = token({ realm: fresh('realm'), name: 'somebody' })
      await store.addToken(told)
      await store.noteTokenUses([{ id: told.id, usedAtMs: 5 }])
      await other.addToken({ ...told, name: 'else', createdAtMs: 7, endsAtMs: 2 ** 47 })
      await other.addToken(told)
      const known = { ...told, usedAtMs: 5 }
      expect(await store.findToken(told.id)).toEqual(known)
      expect(await everyToken(store, { realm: told.realm })).toEqual([known])
      expect(await everyToken(store, { name: 'else', realm: told.realm })).toEqual([])
    })

    it('is kept once, whoever tells it at the same time', async () => {
      const told = token({ realm: fresh('realm') })
      await addAll(Array.from({ length: 40 }, () => told))
      expect(await everyToken(store, { realm: told.realm })).toEqual([told])
      expect(await store.removeTokens([told.id])).toBe(1)
      expect(await everyToken(store, { realm: told.realm })).toEqual([])
    })

    it('ends by the clock, and not before', async () => {
      const realm = fresh('realm')
      const [brief, long] = [timed(60, { realm, name: 'somebody' }), timed(600, { realm })]
      const manual = token({ realm, endsAtMs: subject.nowMs() + 60_000 })
      await addAll([brief, long, manual])
      await subject.pass(55)
      expect(await store.findToken(brief.id)).toEqual(brief)
      expect(await store.findToken(manual.id)).toEqual(manual)
      await subject.pass(10)
      for (const door of [store, other]) {
        expect(await door.findToken(brief.id)).toBeNull()
        expect(await door.findToken(manual.id)).toBeNull()
        expect(await door.findToken(long.id)).toEqual(long)
        expect(await everyToken(door, { realm })).toEqual([long])
        expect(await everyToken(door, { realm, name: 'somebody' })).toEqual([])
      }
      expect(await store.removeTokens([brief.id, manual.id, long.id])).toBe(1)
    })

    it('that has ended already is not kept, and may come anew', async () => {
      const realm = fresh('realm')
      const late = timed(-1, { realm })
      await store.addToken(late)
      expect(await store.findToken(late.id)).toBeNull()
      const brief = timed(60, { realm })
      await store.addToken(brief)
      await subject.pass(61)
      const again = { ...brief, name: 'somebody', endsAtMs: subject.nowMs() + 60_000 }
      await store.addToken(again)
      expect(await other.findToken(brief.id)).toEqual(again)
      expect(await everyToken(store, { realm })).toEqual([again])
    })

    it('is gone at once for everybody when it is removed', async () => {
      const realm = fresh('realm')
      const [one, two, three] = [
        token({ realm, name: 'somebody' }),
        timed(600, { realm }),
        token({ realm }),
      ]
      await addAll([one, two, three])
      const unknown = tokenIdOf('unknown')
      expect(await store.removeTokens([one.id, unknown, two.id, one.id])).toBe(2)
      for (const { id } of [one, two]) {
        expect(await store.findToken(id)).toBeNull()
        expect(await other.findToken(id)).toBeNull()
      }
      expect(await everyToken(other, { realm })).toEqual([three])
      expect(await other.removeTokens([one.id, two.id])).toBe(0)
      expect(await store.removeTokens([])).toBe(0)
    })

    it('may come again after it was removed, with other texts', async () => {
      const told = token({ realm: fresh('realm'), name: 'somebody' })
      await store.addToken(told)
      await store.removeTokens([told.id])
      const again = { ...told, realm: fresh('realm'), name: 'else' }
      await other.addToken(again)
      expect(await store.findToken(told.id)).toEqual(again)
      expect(await everyToken(store, { realm: told.realm })).toEqual([])
      expect(await everyToken(store, { realm: again.realm, name: 'else' })).toEqual([again])
    })

    it.each([
      '',
      'x',
      'a/b',
      '*',
      '{x}',
      '__proto__',
      'ā'.repeat(43),
      'A'.repeat(44),
      'x'.repeat(9999),
    ])('is none where somebody asks for %j', async (id) => {
      expect(await store.findToken(id)).toBeNull()
      expect(await store.removeTokens([id])).toBe(0)
      await store.noteTokenUses([{ id, usedAtMs: 5 }])
      expect(await store.findToken(id)).toBeNull()
    })

    it.each([
      ['an id of another form', { id: 'x' }],
      ['an id with an end of line', { id: `${'A'.repeat(43)}\n` }],
      ['a kind that is none', { kind: 'toString' as 'timed' }],
      ['a timed one without an end', { kind: 'timed' }],
      ['an empty realm', { realm: '' }],
      ['a long realm', { realm: 'x'.repeat(65) }],
      ['a realm with a blank', { realm: 'a b' }],
      ['a realm beyond ASCII', { realm: 'ä' }],
      ['a long name', { name: 'x'.repeat(257) }],
      ['a long address', { clientIp: 'x'.repeat(65) }],
      ['a long referrer', { referrer: 'x'.repeat(254) }],
      ['a time that is none', { createdAtMs: Number.NaN }],
      ['a negative time', { createdAtMs: -1 }],
      ['an end that is none', { endsAtMs: Number.POSITIVE_INFINITY }],
      ['a use that is none', { usedAtMs: 1.5 }],
    ] satisfies [string, Partial<TokenRecord>][])(
      'with %s is a mistake of its caller',
      async (_, wrong) => {
        const told = token(wrong)
        await expect(store.addToken(told)).rejects.toThrow(RangeError)
        expect(await store.findToken(told.id)).toBeNull()
      },
    )
  })

  describe('the uses of tokens', () => {
    it('only grow, whatever the order they are told in', async () => {
      const [one, two] = [token({ realm: fresh('realm') }), timed(600)]
      await addAll([one, two])
      const used = async (): Promise<(number | null | undefined)[]> =>
        Promise.all([one, two].map(async ({ id }) => (await other.findToken(id))?.usedAtMs))
      await store.noteTokenUses([
        { id: one.id, usedAtMs: 3000 },
        { id: two.id, usedAtMs: 0 },
        { id: one.id, usedAtMs: 2000 },
      ])
      expect(await used()).toEqual([3000, 0])
      await other.noteTokenUses([
        { id: one.id, usedAtMs: 1000 },
        { id: two.id, usedAtMs: 9000 },
      ])
      expect(await used()).toEqual([3000, 9000])
      await store.noteTokenUses([])
      expect(await everyToken(store, { realm: one.realm })).toEqual([{ ...one, usedAtMs: 3000 }])
    })

    it('bring no token back, and prolong none', async () => {
      const realm = fresh('realm')
      const [revoked, ended] = [token({ realm }), timed(60, { realm })]
      await addAll([revoked, ended])
      await store.removeTokens([revoked.id])
      await subject.pass(50)
      const uses = [revoked, ended].map(({ id }) => ({ id, usedAtMs: subject.nowMs() }))
      await store.noteTokenUses([...uses, { id: tokenIdOf('unknown'), usedAtMs: 5 }])
      expect(await store.findToken(revoked.id)).toBeNull()
      expect(await store.findToken(tokenIdOf('unknown'))).toBeNull()
      expect(await store.findToken(ended.id)).not.toBeNull()
      await subject.pass(11)
      await other.noteTokenUses(uses)
      for (const { id } of [revoked, ended]) expect(await store.findToken(id)).toBeNull()
      expect(await everyToken(store, { realm })).toEqual([])
    })

    it('are kept of hundreds at once', async () => {
      const realm = fresh('realm')
      const tokens = Array.from({ length: 600 }, () => token({ realm }))
      await addAll(tokens)
      await store.noteTokenUses(tokens.map(({ id }, index) => ({ id, usedAtMs: index })))
      const found = new Map((await everyToken(store, { realm })).map((each) => [each.id, each]))
      expect(tokens.map(({ id }) => found.get(id)?.usedAtMs)).toEqual(
        tokens.map((_, index) => index),
      )
    })

    it.each([-1, 0.5, Number.NaN, 2 ** 48])(
      'at %d are a mistake of their caller',
      async (usedAtMs) => {
        const told = token()
        await store.addToken(told)
        await expect(store.noteTokenUses([{ id: told.id, usedAtMs }])).rejects.toThrow(RangeError)
        expect(await store.findToken(told.id)).toEqual(told)
      },
    )
  })

  describe('lists', () => {
    it('have the latest created first, and those of one time in one order', async () => {
      const realm = fresh('realm')
      const base = subject.nowMs()
      const tokens = Array.from({ length: 60 }, (_, index) =>
        token({ realm, createdAtMs: base - ((index * 31) % 20) }),
      )
      await addAll(tokens)
      expect(idsOf(await everyToken(store, { realm }))).toEqual(latestFirst(tokens))
      expect(idsOf(await everyToken(other, { realm }, 7))).toEqual(latestFirst(tokens))
      const ages = [0, 9, 99, 9_999_999].map((createdAtMs) => token({ realm, createdAtMs }))
      await addAll(ages)
      expect(idsOf(await everyToken(store, { realm }, 5))).toEqual(
        latestFirst([...tokens, ...ages]),
      )
    })

    it('neither miss nor repeat a token, whatever comes and goes between pages', async () => {
      const [realm, name] = [fresh('realm'), fresh('name')]
      const base = subject.nowMs()
      const at = (step: number): TokenRecord =>
        token({ realm, name, createdAtMs: base - 1000 + step })
      const lasting = Array.from({ length: 57 }, (_, index) => at(10 * ((index * 31) % 57)))
      const leaving = Array.from({ length: 57 }, (_, index) => at(10 * ((index * 17) % 57) + 5))
      await addAll([...lasting, ...leaving])
      for (const filter of [{ realm }, { name }, { realm, name }]) {
        const between = async (): Promise<void> => {
          await store.removeTokens(leaving.splice(0, 2).map(({ id }) => id))
          await addAll([at(0), at(287), at(2000)])
        }
        const found = idsOf(await everyToken(store, filter, 10, between))
        const those = new Set(idsOf(lasting))
        expect(found.filter((id) => those.has(id))).toEqual(latestFirst(lasting))
        expect(new Set(found).size).toBe(found.length)
      }
    })

    it('are whole while others add at the same time', async () => {
      const realm = fresh('realm')
      const before = Array.from({ length: 100 }, () => token({ realm }))
      await addAll(before)
      const more = Array.from({ length: 100 }, () => token({ realm, createdAtMs: subject.nowMs() }))
      const [found] = await Promise.all([everyToken(other, { realm }, 9), addAll(more)])
      expect(new Set(idsOf(found)).size).toBe(found.length)
      expect(idsOf(found)).toEqual(expect.arrayContaining(idsOf(before)))
      expect(idsOf(await everyToken(store, { realm }))).toEqual(latestFirst([...before, ...more]))
    })

    it('have those of a realm, of a name, of both, and all', async () => {
      const [realm, elsewhere] = [fresh('realm'), fresh('realm')]
      const [mine, his] = [fresh('name'), fresh('name')]
      const tokens = [
        token({ realm, name: mine }),
        token({ realm, name: his }),
        token({ realm }),
        token({ realm: elsewhere, name: mine }),
        token({ realm: elsewhere, name: '' }),
        timed(600, { realm, name: mine }),
      ]
      await addAll(tokens)
      const expected = (isWanted: (token: TokenRecord) => boolean) =>
        latestFirst(tokens.filter(isWanted))
      const found = async (filter: { realm?: string; name?: string }) =>
        idsOf(await everyToken(store, filter, 2))
      expect(await found({ realm })).toEqual(expected((one) => one.realm === realm))
      expect(await found({ name: mine })).toEqual(expected((one) => one.name === mine))
      expect(await found({ realm, name: mine })).toEqual(
        expected((one) => one.realm === realm && one.name === mine),
      )
      expect(await found({ realm: elsewhere, name: '' })).toEqual(
        expected(({ name }) => name === ''),
      )
      expect(await found({ realm: elsewhere, name: his })).toEqual([])
      const all = idsOf(await everyToken(store, {}))
      expect(all).toEqual(expect.arrayContaining(idsOf(tokens)))
      expect(new Set(all).size).toBe(all.length)
    })

    it.each([
      '__proto__',
      'constructor',
      '*',
      'a:b',
      '{x}',
      '}{',
      'a\u0000b',
      '\u001f\u007f\r\n',
      '["x",null]',
      '","',
      '🎬 ﷽ \u202e',
      '\ud800',
      '\ud801',
      'null',
      '',
      'x'.repeat(256),
      '\u0001'.repeat(256),
    ])('take %j for a name like any other', async (name) => {
      const realm = fresh('realm')
      const told = token({ realm, name })
      const others = [
        token({ realm, name: `${name}`.slice(0, 255) + 'x'.repeat(1) }),
        token({ realm }),
      ]
      await addAll([told, ...others.filter((one) => one.name !== name)])
      expect(await store.findToken(told.id)).toEqual(told)
      expect(await everyToken(other, { realm, name })).toEqual([told])
      expect((await everyToken(other, { name })).every((one) => one.name === name)).toBe(true)
      expect(await store.removeTokensOf({ realm, name, createdBeforeMs: 2 ** 47 })).toBe(1)
      expect(await everyToken(store, { realm, name })).toEqual([])
    })

    it.each(['__proto__', '*', '{x}', 'a:b', '["x"]', '~'.repeat(64)])(
      'take %j for a realm like any other',
      async (realm) => {
        const told = token({ realm, name: realm })
        await store.addToken(told)
        expect(await everyToken(other, { realm })).toEqual([told])
        expect(await everyToken(other, { realm, name: realm })).toEqual([told])
        expect(await store.removeTokensOf({ realm, createdBeforeMs: 2 ** 47 })).toBe(1)
      },
    )

    it.each([
      { limit: 0 },
      { limit: 1001 },
      { limit: 1.5 },
      { limit: Number.NaN },
      { limit: 5, after: '' },
      { limit: 5, after: 'x' },
      { limit: 5, after: '1'.repeat(52) },
      { limit: 5, after: '1'.repeat(54) },
      { limit: 5, after: `${'1'.repeat(52)}.` },
      { limit: 5, realm: '' },
      { limit: 5, realm: 'a b' },
      { limit: 5, name: 'x'.repeat(257) },
    ])('take the question %j for a mistake of its caller', async (query) => {
      await expect(store.listTokens(query)).rejects.toThrow(RangeError)
    })
  })

  describe('the removal of many', () => {
    it('takes all of a realm, or all of a name there, and nothing else', async () => {
      const [realm, elsewhere, name] = [fresh('realm'), fresh('realm'), fresh('name')]
      const createdBeforeMs = subject.nowMs() + 1000
      const mine = [token({ realm, name }), timed(600, { realm, name })]
      const rest = [token({ realm }), token({ realm, name: `${name}x` })]
      const away = [token({ realm: elsewhere, name })]
      await addAll([...mine, ...rest, ...away])
      expect(await store.removeTokensOf({ realm, name, createdBeforeMs })).toBe(2)
      expect(idsOf(await everyToken(other, { realm }))).toEqual(latestFirst(rest))
      expect(await store.removeTokensOf({ realm, name, createdBeforeMs })).toBe(0)
      expect(await other.removeTokensOf({ realm, createdBeforeMs })).toBe(2)
      expect(await everyToken(store, { realm })).toEqual([])
      expect(await everyToken(store, { name })).toEqual(away)
      for (const { id } of [...mine, ...rest]) expect(await store.findToken(id)).toBeNull()
    })

    it('takes those of one kind where it is told so', async () => {
      const realm = fresh('realm')
      const createdBeforeMs = subject.nowMs() + 1000
      const [hand, clock] = [token({ realm }), timed(600, { realm })]
      await addAll([hand, clock])
      expect(await store.removeTokensOf({ realm, kind: 'timed', createdBeforeMs })).toBe(1)
      expect(await everyToken(store, { realm })).toEqual([hand])
      expect(await store.removeTokensOf({ realm, kind: 'managed', createdBeforeMs })).toBe(1)
      expect(await everyToken(store, { realm })).toEqual([])
    })

    it('spares what was created at that time or later', async () => {
      const realm = fresh('realm')
      const base = subject.nowMs()
      const ids = ['-', '0', 'A', 'z'].map((sign) => sign.repeat(43))
      const tokens = [base - 1, base, base + 1].map((createdAtMs) => token({ realm, createdAtMs }))
      const edge = ids.map((id) => token({ id, realm, createdAtMs: base }))
      await addAll([...tokens, ...edge])
      expect(await store.removeTokensOf({ realm, createdBeforeMs: base })).toBe(1)
      const left = idsOf(await everyToken(store, { realm }))
      expect(left).toEqual(latestFirst([...tokens.slice(1), ...edge]))
      expect(await store.removeTokensOf({ realm, createdBeforeMs: base + 1 })).toBe(5)
      await store.removeTokens(ids)
    })

    it('takes thousands, of which others use and add some meanwhile', async () => {
      const realm = fresh('realm')
      const createdBeforeMs = subject.nowMs()
      const createdAtMs = createdBeforeMs - 1
      const tokens = Array.from({ length: 1300 }, (_, index) =>
        token({ realm, createdAtMs: createdAtMs - (index % 50), name: `user-${index % 40}` }),
      )
      await addAll(tokens)
      const later = Array.from({ length: 20 }, () => token({ realm, createdAtMs: createdBeforeMs }))
      const [removed] = await Promise.all([
        store.removeTokensOf({ realm, createdBeforeMs }),
        addAll(later),
        other.noteTokenUses(tokens.map(({ id }) => ({ id, usedAtMs: createdBeforeMs }))),
      ])
      expect(removed).toBe(1300)
      expect(idsOf(await everyToken(other, { realm }))).toEqual(latestFirst(later))
      expect(await everyToken(other, { realm, name: 'user-7' })).toEqual([])
    })

    it.each([
      ['no realm', { realm: '' }],
      ['a long name', { name: 'x'.repeat(257) }],
      ['a kind that is none', { kind: 'constructor' as 'timed' }],
      ['a time that is none', { createdBeforeMs: Number.NaN }],
    ] satisfies [string, Partial<TokenSelector>][])(
      'takes %s for a mistake of its caller',
      async (_, wrong) => {
        const selector = { realm: 'films', createdBeforeMs: 5, ...wrong }
        await expect(store.removeTokensOf(selector)).rejects.toThrow(RangeError)
      },
    )
  })

  it('answers every sequence as a plain list of tokens would', async () => {
    const number = fc.integer({ min: 0, max: 7 })
    const realmOf = fc.constantFrom('a', 'b')
    const nameOf = fc.constantFrom(null, 'x', 'y')
    const step = fc.oneof(
      fc.record({
        add: number,
        realm: realmOf,
        name: nameOf,
        life: fc.constantFrom(null, 20, 60),
        age: fc.integer({ min: 0, max: 3 }),
      }),
      fc.record({ remove: fc.array(number, { maxLength: 3 }) }),
      fc.record({
        clear: realmOf,
        name: nameOf,
        kind: fc.constantFrom(undefined, 'managed' as const, 'timed' as const),
        age: fc.integer({ min: 0, max: 3 }),
      }),
      fc.record({ use: number, at: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ pass: fc.constantFrom(15, 30, 70) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, limit) => {
          const mark = fresh('sequence')
          const realmAs = (realm: string): string => `${mark}-${realm}`
          const idAs = (one: number): string => tokenIdOf(`${mark}-${one}`)
          const base = subject.nowMs()
          const model = new Map<string, TokenRecord>()
          let passed = 0
          for (const [index, one] of steps.entries()) {
            const door = index % 2 === 0 ? store : other
            if ('pass' in one) {
              await subject.pass(one.pass)
              passed += one.pass * 1000
              for (const { id, endsAtMs } of model.values()) {
                if (endsAtMs !== null && endsAtMs <= base + passed) model.delete(id)
              }
            } else if ('add' in one) {
              const told = token({
                id: idAs(one.add),
                kind: one.life === null ? 'managed' : 'timed',
                realm: realmAs(one.realm),
                name: one.name,
                createdAtMs: base - one.age,
                endsAtMs: one.life === null ? null : base + passed + one.life * 1000,
              })
              await door.addToken(told)
              if (!model.has(told.id)) model.set(told.id, told)
            } else if ('remove' in one) {
              const ids = one.remove.map(idAs)
              const count = ids.filter((id) => model.delete(id)).length
              expect(await door.removeTokens(ids)).toBe(count)
            } else if ('clear' in one) {
              const { name, kind } = one
              const realm = realmAs(one.clear)
              const createdBeforeMs = base - one.age
              const doomed = [...model.values()].filter(
                (each) =>
                  each.realm === realm &&
                  (name === null || each.name === name) &&
                  (kind === undefined || each.kind === kind) &&
                  each.createdAtMs < createdBeforeMs,
              )
              for (const { id } of doomed) model.delete(id)
              const selector = {
                realm,
                createdBeforeMs,
                ...(name !== null && { name }),
                ...(kind !== undefined && { kind }),
              }
              expect(await door.removeTokensOf(selector)).toBe(doomed.length)
            } else {
              const id = idAs(one.use)
              await door.noteTokenUses([{ id, usedAtMs: one.at }])
              const known = model.get(id)
              if (known !== undefined) {
                model.set(id, { ...known, usedAtMs: Math.max(known.usedAtMs ?? 0, one.at) })
              }
            }
          }
          for (const name of [undefined, 'x', 'y']) {
            for (const realm of ['a', 'b'].map(realmAs)) {
              const filter = { realm, ...(name !== undefined && { name }) }
              const fitting = [...model.values()].filter(
                (each) => each.realm === realm && (name === undefined || each.name === name),
              )
              const expected = latestFirst(fitting).map((id) => model.get(id))
              expect(await everyToken(store, filter, limit)).toEqual(expected)
            }
          }
          for (const id of Array.from({ length: 8 }, (_, one) => idAs(one))) {
            expect(await other.findToken(id)).toEqual(model.get(id) ?? null)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 120_000)

  it('refuses once the store is closed', async () => {
    const closing = await open()
    await closing.store.addToken(token())
    await Promise.all([closing.store.close(), closing.store.close()])
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', status: 503 }
    const calls = [
      closing.store.addToken(token()),
      closing.store.findToken(tokenIdOf('a')),
      closing.store.listTokens({ limit: 1 }),
      closing.store.removeTokens([tokenIdOf('a')]),
      closing.store.removeTokens([]),
      closing.store.removeTokensOf({ realm: 'films', createdBeforeMs: 5 }),
      closing.store.noteTokenUses([]),
    ]
    for (const call of calls) await expect(call).rejects.toMatchObject(refusal)
    await closing.close()
  })
}

describeStores(contract)
