import { describe, expect, it } from 'vitest'
import { TokenBook } from '../../../server/store/token-book.ts'
import { idsOf, latestFirst, tokenRecord } from './token-records.ts'

describe('the book of tokens in memory', () => {
  it('is in order after thousands were removed, those among them that come again', () => {
    const book = new TokenBook(10_000)
    const tokens = Array.from({ length: 4000 }, (_, index) =>
      tokenRecord({ createdAtMs: (index * 7919) % 4001 }),
    )
    for (const token of tokens) book.add(token, 0)
    const [gone, kept] = [tokens.slice(0, 3990), tokens.slice(3990)]
    for (const { id } of gone) expect(book.remove(id, 0)).toBe(true)
    expect(idsOf(book.list({ limit: 1000 }, 0).tokens)).toEqual(latestFirst(kept))
    const back = gone.slice(0, 20)
    for (const token of back) book.add(token, 0)
    expect(idsOf(book.list({ limit: 1000 }, 0).tokens)).toEqual(latestFirst([...kept, ...back]))
  })

  it('lets each end at its own end, also after thousands were removed that had later ones', () => {
    const book = new TokenBook(10_000)
    const timed = (endsAtMs: number) => tokenRecord({ kind: 'timed', endsAtMs })
    const lasting = [timed(50), timed(70), tokenRecord()]
    for (const token of lasting) book.add(token, 0)
    for (let round = 0; round < 5000; round++) {
      const token = timed(1000)
      book.add(token, 0)
      book.remove(token.id, 0)
    }
    const left = (nowMs: number): string[] => idsOf(book.list({ limit: 1000 }, nowMs).tokens)
    expect(left(49)).toEqual(latestFirst(lasting))
    expect(left(50)).toEqual(latestFirst(lasting.slice(1)))
    expect(left(70)).toEqual(latestFirst(lasting.slice(2)))
  })

  it('keeps one that comes again with a later end until that one', () => {
    const book = new TokenBook(10)
    const token = tokenRecord({ kind: 'timed', endsAtMs: 50 })
    book.add(token, 0)
    book.remove(token.id, 0)
    const again = { ...token, endsAtMs: 90 }
    book.add(again, 0)
    expect(book.find(token.id, 60)).toEqual(again)
    expect(book.find(token.id, 90)).toBeNull()
  })
})
