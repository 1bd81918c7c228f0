import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Asker, Spent } from '../../../server/store/store.ts'
import { describeStores, type Subject } from './subjects.ts'

let serial = 0
const freshId = (): string => `id-${serial++}`
const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }

function contract(open: () => Promise<Subject>): void {
  let subject: Subject
  beforeAll(async () => {
    subject = await open()
  })
  afterAll(() => subject.close())

  it('lets the first attempt win and no other', async () => {
    const id = freshId()
    expect(await subject.store.spend(id, options)).toBe('first')
    expect(await subject.store.spend(id, options)).toBe('spent')
    expect(await subject.other.spend(id, options)).toBe('spent')
    expect(await subject.other.spend(freshId(), options)).toBe('first')
  })

  it('lets one of 200 simultaneous attempts win', async () => {
    const id = freshId()
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        (index % 2 === 0 ? subject.store : subject.other).spend(id, options),
      ),
    )
    expect(answers.filter((answer) => answer === 'first')).toHaveLength(1)
    expect(answers.filter((answer) => answer === 'spent')).toHaveLength(199)
  })

  it('tells a repeat by the same binding within the grace, as often as it comes', async () => {
    const id = freshId()
    const graced = { ...options, graceSeconds: 10 }
    expect(await subject.store.spend(id, graced)).toBe('first')
    await subject.pass(4)
    expect(await subject.other.spend(id, graced)).toBe('repeat')
    expect(await subject.store.spend(id, { ...graced, binding: 'two' })).toBe('spent')
    await subject.pass(4)
    expect(await subject.store.spend(id, graced)).toBe('repeat')
    await subject.pass(2)
    expect(await subject.store.spend(id, graced)).toBe('spent')
  })

  it('takes the smaller of two graces', async () => {
    const id = freshId()
    expect(await subject.store.spend(id, { ...options, graceSeconds: 10 })).toBe('first')
    expect(await subject.store.spend(id, options)).toBe('spent')
    const strict = freshId()
    expect(await subject.store.spend(strict, options)).toBe('first')
    expect(await subject.store.spend(strict, { ...options, graceSeconds: 10 })).toBe('spent')
  })

  it('keeps a marker for its whole life, and no attempt prolongs it', async () => {
    const id = freshId()
    const graced = { ...options, graceSeconds: 30 }
    expect(await subject.store.spend(id, graced)).toBe('first')
    await subject.pass(20)
    expect(await subject.store.spend(id, { ...graced, keepSeconds: 600 })).toBe('repeat')
    await subject.pass(39)
    expect(await subject.other.spend(id, { ...graced, keepSeconds: 600 })).toBe('spent')
    await subject.pass(1)
    expect(await subject.store.spend(id, graced)).toBe('first')
    expect(await subject.store.spend(id, options)).toBe('spent')
  })

  it('tells beforehand what is spent, to whoever asks', async () => {
    const id = freshId()
    const [mine, his] = [
      { binding: 'one', graceSeconds: 10 },
      { binding: 'two', graceSeconds: 10 },
    ]
    const asked = async (asker: Asker): Promise<boolean[]> => [
      await subject.store.isSpent(id, asker),
      await subject.other.isSpent(id, asker),
    ]
    expect(await asked(mine)).toEqual([false, false])
    expect(await subject.store.spend(id, { ...mine, keepSeconds: 60 })).toBe('first')
    expect(await asked(his)).toEqual([true, true])
    expect(await asked({ ...mine, graceSeconds: 0 })).toEqual([true, true])
    expect(await asked(mine)).toEqual([false, false])
    await subject.pass(10)
    expect(await asked(mine)).toEqual([true, true])
    await subject.pass(40)
    expect(await asked(his)).toEqual([true, true])
    await subject.pass(10)
    expect(await asked(his)).toEqual([false, false])
  })

  it('marks nothing for a question, and prolongs nothing', async () => {
    const id = freshId()
    for (const door of [subject.store, subject.other, subject.store]) {
      expect(await door.isSpent(id, { binding: 'two', graceSeconds: 0 })).toBe(false)
    }
    expect(await subject.other.spend(id, options)).toBe('first')
    await subject.pass(59)
    expect(await subject.store.isSpent(id, options)).toBe(true)
    await subject.pass(1)
    expect(await subject.store.spend(id, options)).toBe('first')
  })

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '{a}',
    '*',
    ':',
    'x'.repeat(128),
  ])('takes %j for an id like any other', async (id) => {
    expect(await subject.store.isSpent(id, options)).toBe(false)
    expect(await subject.store.spend(id, options)).toBe('first')
    expect(await subject.store.spend(id, options)).toBe('spent')
    expect(await subject.store.isSpent(id, options)).toBe(true)
  })

  it.each([
    ['an empty id', '', {}],
    ['a long id', 'x'.repeat(129), {}],
    ['an id with a blank', 'a b', {}],
    ['an id beyond ASCII', 'ä', {}],
    ['an empty binding', 'a', { binding: '' }],
    ['a long binding', 'a', { binding: 'x'.repeat(129) }],
    ['no life', 'a', { keepSeconds: 0 }],
    ['an endless life', 'a', { keepSeconds: Number.POSITIVE_INFINITY }],
    ['a life that is no number', 'a', { keepSeconds: Number.NaN }],
    ['a negative grace', 'a', { graceSeconds: -1 }],
  ])('takes %s for a mistake of its caller', async (_, id, wrong) => {
    const asked = { ...options, ...wrong }
    await expect(subject.store.spend(id, asked)).rejects.toThrow(RangeError)
    if (asked.keepSeconds === options.keepSeconds) {
      await expect(subject.store.isSpent(id, asked)).rejects.toThrow(RangeError)
    }
  })

  it('is ready', async () => {
    await expect(subject.store.check()).resolves.toBeUndefined()
  })

  it('answers every sequence as a plain list of markers would', async () => {
    const step = fc.oneof(
      fc.record({
        id: fc.integer({ min: 0, max: 2 }),
        binding: fc.constantFrom('one', 'two'),
        graceSeconds: fc.constantFrom(0, 5, 30),
        keepSeconds: fc.constantFrom(10, 60),
      }),
      fc.record({ pass: fc.integer({ min: 1, max: 40 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const prefix = freshId()
        const model = createModel()
        for (const [index, one] of steps.entries()) {
          if ('pass' in one) {
            model.pass(one.pass)
            await subject.pass(one.pass)
            continue
          }
          const door = index % 2 === 0 ? subject.store : subject.other
          const { id, ...attempt } = one
          const expected = model.spend(id, attempt)
          expect(await door.isSpent(`${prefix}-${id}`, attempt)).toBe(expected === 'spent')
          expect(await door.spend(`${prefix}-${id}`, attempt)).toBe(expected)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('refuses once it is closed', async () => {
    const closing = await open()
    await closing.store.spend('a', options)
    await Promise.all([closing.store.close(), closing.store.close()])
    const refusal = { code: 'ERR_STORE_UNAVAILABLE', reason: 'store-unavailable', status: 503 }
    await expect(closing.store.spend('b', options)).rejects.toMatchObject(refusal)
    await expect(closing.store.isSpent('a', options)).rejects.toMatchObject(refusal)
    await expect(closing.store.check()).rejects.toMatchObject(refusal)
    await closing.close()
  })

  it('answers what is under way before it closes', async () => {
    const closing = await open()
    await closing.store.check()
    const answer = closing.store.spend('a', options)
    await closing.store.close()
    expect(await answer).toBe('first')
    await closing.close()
  })
}

/** The contract in the plainest words. Seconds. */
function createModel() {
  type Attempt = { binding: string; graceSeconds: number; keepSeconds: number }
  const markers = new Map<number, Attempt & { at: number }>()
  let now = 0
  return {
    pass: (seconds: number): void => {
      now += seconds
    },
    spend(id: number, attempt: Attempt): Spent {
      const marker = markers.get(id)
      if (marker === undefined || marker.at + marker.keepSeconds <= now) {
        markers.set(id, { ...attempt, at: now })
        return 'first'
      }
      const grace = Math.min(marker.graceSeconds, attempt.graceSeconds)
      return marker.binding === attempt.binding && now - marker.at < grace ? 'repeat' : 'spent'
    },
  }
}

describeStores(contract)
