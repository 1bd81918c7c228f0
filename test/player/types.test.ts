import type Hls from 'hls.js'
import type { HlsConfig } from 'hls.js'
import { describe, expectTypeOf, it } from 'vitest'
import { attachSession, createSession, withSession } from '../../player/index.ts'

describe('the types of the player door', () => {
  it('withSession makes what new Hls() takes', () => {
    expectTypeOf(withSession).returns.toEqualTypeOf<Partial<HlsConfig>>()
    expectTypeOf(withSession).parameter(2).toEqualTypeOf<Partial<HlsConfig> | undefined>()
    expectTypeOf<typeof Hls>().toExtend<Parameters<typeof withSession>[0]>()
    expectTypeOf<ReturnType<typeof withSession>>().toExtend<ConstructorParameters<typeof Hls>[0]>()
  })

  it('attachSession takes a player', () => {
    expectTypeOf(attachSession).parameter(0).toEqualTypeOf<Hls>()
  })

  it('events have the details of their own name', () => {
    const session = createSession()
    session.on('denied', (detail) => {
      expectTypeOf(detail.status).toEqualTypeOf<number>()
      expectTypeOf(detail.reason).toEqualTypeOf<string | undefined>()
    })
    session.on('held', (detail) => {
      expectTypeOf(detail.url).toEqualTypeOf<string>()
    })
    // @ts-expect-error there is no such event
    session.on('renewd', () => {})
  })

  it('typos in options do not compile', () => {
    // @ts-expect-error an unknown option
    expectTypeOf(createSession).toBeCallableWith({ renewahead: 0.5 })
    // @ts-expect-error an unknown transport
    expectTypeOf(createSession).toBeCallableWith({ transport: 'quarry' })
    // @ts-expect-error getToken answers later
    expectTypeOf(createSession).toBeCallableWith({ getToken: () => 'token' })
  })
})
