import { describe, expect, it, vi } from 'vitest'
import { holdClock, last, play, settled } from './playing.ts'
import { origin, requestOf } from './requests.ts'

holdClock()

describe('a held request', () => {
  function hold() {
    let give = (_: string) => {}
    const getToken = () => new Promise<string>((resolve) => (give = resolve))
    const player = play({ getToken, origins: [origin] })
    return { ...player, give: (token: string) => give(token) }
  }

  it('is sent when the token comes, with the times of its own sending', async () => {
    await vi.advanceTimersByTimeAsync(5_000)
    const { made, ask, give, names } = hold()
    const { loader, heard } = ask()
    expect(made[0]?.context).toBeNull()
    expect(loader.stats.loading.start).toBe(5_000)
    await vi.advanceTimersByTimeAsync(3_000)
    const { stats } = loader
    give('token')
    await settled()
    expect(made[0]?.url).toBe(`${requestOf().url}?hdnts=token`)
    expect(stats.loading.start).toBe(1)
    last(made).succeed()
    expect(heard).toEqual(['success'])
    expect(names()).toEqual(['held', 'renewing', 'renewed'])
  })

  it('times out when none comes', async () => {
    const { made, ask } = hold()
    const { heard, loader, onTimeout, context } = ask()
    await vi.advanceTimersByTimeAsync(9_999)
    expect(heard).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(heard).toEqual(['timeout'])
    expect(onTimeout.mock.calls[0]).toEqual([loader.stats, context, null])
    expect(onTimeout.mock.calls[0]?.[1]).toBe(context)
    expect(made[0]?.context).toBeNull()
  })

  it('answers an abort, and is not sent', async () => {
    const { made, ask, give } = hold()
    const { heard, loader, onAbort, context } = ask()
    loader.abort()
    expect(heard).toEqual(['abort'])
    expect(loader.stats.aborted).toBe(true)
    expect(onAbort.mock.calls[0]?.[1]).toBe(context)
    await settled()
    give('token')
    await settled()
    expect(made[0]?.context).toBeNull()
    expect(heard).toEqual(['abort'])
  })

  it('is silent after destroy, and is not sent', async () => {
    const { made, ask, give } = hold()
    const { heard, loader } = ask()
    loader.destroy()
    expect(made[0]?.destroyed).toBe(true)
    await settled()
    give('token')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(made[0]?.context).toBeNull()
    expect(heard).toEqual([])
  })

  it('can be aborted or destroyed while it waits for the second try, too', async () => {
    for (const [end, expected] of [
      ['abort', ['abort']],
      ['destroy', []],
    ] as const) {
      const { made, ask, give } = hold()
      const { heard, loader } = ask()
      await settled()
      give('token-1')
      await settled()
      last(made).fail(403)
      await settled()
      loader[end]()
      give('token-2')
      await vi.advanceTimersByTimeAsync(20_000)
      expect(heard).toEqual(expected)
      expect(made).toHaveLength(1)
    }
  })
})
