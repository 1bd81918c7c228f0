import type { HlsConfig, Loader, LoaderContext, LoaderStats } from 'hls.js'
import { describe, expect, it } from 'vitest'
import { withSession } from '../../player/hls.ts'
import { createSession } from '../../player/session.ts'
import { holdClock, issue, last, listen, play, settled } from './playing.ts'
import { configuration, origin, requestOf } from './requests.ts'
import { scriptLoaders } from './scripted-loader.ts'

holdClock()

describe('the loader contract', () => {
  it('gives hls.js its own context back at every word', async () => {
    const { made, ask, open } = play()
    open()
    for (const end of ['succeed', 'fail', 'timeOut', 'abort'] as const) {
      const sent = ask()
      last(made).progress(new ArrayBuffer(1))
      if (end === 'fail') last(made).fail(500)
      else last(made)[end]()
      const { onSuccess, onError, onTimeout, onAbort, onProgress } = sent
      for (const { mock } of [onSuccess, onError, onTimeout, onAbort, onProgress]) {
        for (const call of mock.calls) expect(call).toContain(sent.context)
      }
      expect(sent.heard).toEqual([
        'progress',
        { succeed: 'success', fail: 'error', timeOut: 'timeout', abort: 'abort' }[end],
      ])
      expect(sent.loader.context).toBe(sent.context)
    }
  })

  it('never changes the context', async () => {
    const { made, ask } = play({ getToken: issue(), origins: [origin], transport: 'header' })
    const context = Object.freeze({ ...requestOf(), headers: Object.freeze({ a: 'b' }) })
    ask(context)
    await settled()
    last(made).fail(403)
    await settled()
    expect(last(made).headers).toEqual({ a: 'b', hdnts: 'token-2' })
    expect(context.headers).toEqual({ a: 'b' })
  })

  it('offers no onProgress where hls.js offers none', () => {
    const { made, Base } = scriptLoaders()
    const config = withSession(
      { DefaultConfig: { loader: Base } as HlsConfig },
      createSession({ origins: [origin] }),
    )
    const { onProgress: _, ...callbacks } = listen().callbacks
    if (config.loader)
      new config.loader({} as HlsConfig).load(requestOf(), configuration(), callbacks)
    expect(last(made).callbacks).not.toHaveProperty('onProgress')
  })

  it('has live stats from the start, one object through both attempts, that may be assigned', async () => {
    const { made, ask } = play({ getToken: issue(), origins: [origin] })
    const { loader, onSuccess } = ask()
    const { stats } = loader
    expect(made[0]?.stats).toBe(stats)
    stats.retry = 3
    await settled()
    last(made).fail(403)
    await settled()
    expect(made).toHaveLength(2)
    expect(made[0]?.destroyed).toBe(true)
    expect(made[1]?.stats).toBe(stats)
    expect(loader.stats).toBe(stats)
    expect(stats).toMatchObject({ aborted: false, retry: 3 })
    last(made).succeed()
    expect(onSuccess.mock.calls[0]?.[1]).toBe(stats)

    const assigned = { ...stats, retry: 9, loading: { start: 0, first: 0, end: 0 } } as LoaderStats
    const { session } = play()
    const { made: inner, Base } = scriptLoaders()
    const config = withSession({ DefaultConfig: { loader: Base } as HlsConfig }, session)
    if (!config.loader) throw new Error('no loader')
    const other = new config.loader({} as HlsConfig)
    other.stats = assigned
    other.load(requestOf(), configuration(), listen().callbacks)
    expect(last(inner).stats).toBe(assigned)
  })

  it('gives the inner loader the configuration of the request', () => {
    const { made, ask, open } = play()
    open()
    ask()
    expect(last(made).configuration).toEqual(configuration())
  })

  it('hands on the age and other headers of the answer, of the second one after a second try', async () => {
    const { made, ask } = play({ getToken: issue(), origins: [origin] })
    const { loader } = ask()
    expect(loader.getCacheAge?.()).toBe(7)
    await settled()
    last(made).fail(403)
    await settled()
    last(made).getCacheAge = () => 11
    expect(loader.getCacheAge?.()).toBe(11)
    expect(loader.getResponseHeader?.('date')).toBe('header date')
  })

  it('knows no age and no headers when the inner loader does not', () => {
    class Plain implements Loader<LoaderContext> {
      context = null
      stats = {} as LoaderStats
      load() {}
      abort() {}
      destroy() {}
    }
    const config = withSession(
      { DefaultConfig: { loader: Plain } as unknown as HlsConfig },
      createSession(),
    )
    const loader = config.loader ? new config.loader({} as HlsConfig) : null
    expect(loader?.getCacheAge?.()).toBeNull()
    expect(loader?.getResponseHeader?.('date')).toBeNull()
  })

  it.each(['succeed', 'timeOut', 'abort', 'fail'] as const)(
    'says nothing after an abort or after destroy, whatever the inner loader says (%s)',
    async (word) => {
      for (const end of ['abort', 'destroy'] as const) {
        const getToken = issue()
        const { made, ask, names } = play({ getToken, origins: [origin] })
        const { heard, loader } = ask()
        await settled()
        const inner = last(made)
        loader[end]()
        if (word === 'fail') inner.fail(403)
        else inner[word]()
        inner.progress(new ArrayBuffer(1))
        await settled()
        expect(heard).toEqual(end === 'abort' ? ['abort'] : [])
        expect(made).toHaveLength(1)
        expect(getToken).toHaveBeenCalledOnce()
        expect(names()).toEqual(['held', 'renewing', 'renewed'])
      }
    },
  )

  it('has no side effects when it is made and never used', () => {
    const { Base, made } = scriptLoaders()
    const session = createSession({ getToken: issue() })
    const config = withSession({ DefaultConfig: { loader: Base } as HlsConfig }, session)
    if (config.loader) new config.loader({} as HlsConfig).destroy()
    expect(made).toHaveLength(1)
    expect(session.state).toBe('idle')
  })
})
