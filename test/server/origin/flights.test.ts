import { describe, expect, it } from 'vitest'
import { Flights } from '../../../server/origin/flights.ts'

const stay = () => new AbortController().signal

/** Work that ends when the test says so. */
function pending() {
  const starts: {
    signal: AbortSignal
    land: (text: string) => void
    fail: (error: Error) => void
  }[] = []
  const start = (signal: AbortSignal) =>
    new Promise<string>((land, fail) => void starts.push({ signal, land, fail }))
  return { starts, start }
}

describe('work that several wait for', () => {
  it('is done once for all who ask while it lasts, and again later', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    const all = [1, 2, 3].map(() => flights.join('key', stay(), start))
    expect(starts).toHaveLength(1)
    starts[0]?.land('done')
    expect(await Promise.all(all)).toEqual(['done', 'done', 'done'])
    const later = flights.join('key', stay(), start)
    starts[1]?.land('again')
    expect(await later).toBe('again')
    expect(flights.size).toBe(0)
  })

  it('is separate for separate keys', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    const both = [flights.join('a', stay(), start), flights.join('b', stay(), start)]
    starts[1]?.land('B')
    starts[0]?.land('A')
    expect(await Promise.all(both)).toEqual(['A', 'B'])
  })

  it('fails for all who wait, and for nobody later', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    const all = [1, 2, 3].map(() => flights.join('key', stay(), start))
    const error = new Error('broken')
    starts[0]?.fail(error)
    expect(await Promise.allSettled(all)).toEqual(
      all.map(() => ({ status: 'rejected', reason: error })),
    )
    const later = flights.join('key', stay(), start)
    starts[1]?.land('fine')
    expect(await later).toBe('fine')
  })

  it('goes on when one leaves and ends when the last one has left', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    const [one, two] = [new AbortController(), new AbortController()]
    const first = flights.join('key', one.signal, start)
    const second = flights.join('key', two.signal, start)
    one.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    expect(starts[0]?.signal.aborted).toBe(false)
    two.abort(new Error('left too'))
    await expect(second).rejects.toThrow('left too')
    expect(starts[0]?.signal.aborted).toBe(true)
    expect(flights.size).toBe(0)
  })

  it('starts anew after it was given up, and its late end disturbs nobody', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    const one = new AbortController()
    const first = flights.join('key', one.signal, start)
    one.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    const second = flights.join('key', stay(), start)
    starts[0]?.fail(new Error('late'))
    await Promise.resolve()
    const third = flights.join('key', stay(), start)
    expect(starts).toHaveLength(2)
    starts[1]?.land('second')
    expect(await Promise.all([second, third])).toEqual(['second', 'second'])
  })

  it('is not begun for somebody who has left already', async () => {
    const flights = new Flights<string>()
    const { starts, start } = pending()
    await expect(flights.join('key', AbortSignal.abort(new Error('gone')), start)).rejects.toThrow(
      'gone',
    )
    expect(starts).toHaveLength(0)
  })
})
