import { describe, expect, it } from 'vitest'
import { learnHeaders } from '../../player/learn-headers.ts'
import { createSession } from '../../player/session.ts'
import type { SessionOptions } from '../../player/types.ts'
import { holdClock, last, play } from './playing.ts'
import { manifestRequest, origin, requestOf } from './requests.ts'

holdClock()

const learning = (options: SessionOptions = {}, names?: Readonly<Record<string, string>>) =>
  play(learnHeaders(createSession({ origins: [origin], ...options }), names))

describe('a session that learns from headers of others', () => {
  it.each([
    ['hdntl', 'exp=1000000060~acl=/*~data=hdntl~hmac=0a', 'hdntl'],
    ['CTA-Common-Access-Token', '2D3RhEOhAQWhBFBha2FtYWlfa2V5', 'CAT'],
    ['Common-Access-Token', '2D3RhEOhAQWhBFBha2FtYWlfa2V5', 'CAT'],
  ])('uses what %s brought from the next request on', (header, token, parameter) => {
    const { ask, made } = learning()
    ask(manifestRequest())
    last(made).succeed({}, { [header]: token })
    ask()
    expect(last(made).url).toBe(`${requestOf().url}?${parameter}=${token}`)
  })

  it('learns from any kind of answer, and replaces what it had', () => {
    const { ask, made } = learning()
    for (const [kind, token] of [
      ['manifest', 'one'],
      ['media-fragment', 'two'],
      ['key', 'three'],
    ] as const) {
      ask(requestOf(kind))
      last(made).succeed({}, { hdntl: token })
      ask(requestOf(kind))
      expect(last(made).url).toBe(`${requestOf().url}?hdntl=${token}`)
    }
  })

  it('reads the headers of a fetch answer, too', () => {
    const { ask, made } = learning()
    ask()
    const inner = last(made)
    const answer = { url: requestOf().url, data: '', code: 200 }
    const details = new Response('', { headers: { hdntl: 'token' } })
    inner.callbacks?.onSuccess(answer, inner.stats, requestOf(), details)
    ask()
    expect(last(made).url).toBe(`${requestOf().url}?hdntl=token`)
  })

  it('takes names of the page, and a header of the same name where tokens ride in headers', () => {
    const { ask, made } = learning({ transport: 'header' }, { 'X-Next-Token': 'X-Token' })
    ask()
    last(made).succeed({}, { 'x-next-token': 'token', hdntl: 'not asked for' })
    ask()
    expect(last(made).headers).toEqual({ 'X-Token': 'token' })
  })

  it('lets Playgate-Session go first', () => {
    const { ask, made } = learning()
    ask()
    const header = 'token="ours", parameter="hdntl"'
    last(made).succeed({}, { hdntl: 'theirs', 'Playgate-Session': header })
    ask()
    expect(last(made).url).toBe(`${requestOf().url}?hdntl=ours`)
  })

  it.each([
    ['no such header', {}],
    ['an empty one', { hdntl: '' }],
    ['one that would bring a second parameter', { hdntl: 'a&b=c' }],
    ['one that is no token', { hdntl: 'a", parameter="b' }],
  ])('learns nothing of %s', (_, headers) => {
    const { ask, made, session } = learning()
    const { heard } = ask()
    last(made).succeed({}, headers)
    expect(session.expiresIn).toBeNull()
    expect(heard).toEqual(['success'])
  })

  it('learns nothing from hosts that may not have the token, nor from answers without headers', () => {
    const { ask, made, session } = learning()
    ask(requestOf('key', 'https://elsewhere.test/key'))
    last(made).succeed({}, { hdntl: 'planted' })
    ask()
    last(made).succeed({ url: 'https://elsewhere.test/x' }, { hdntl: 'planted' })
    ask()
    const inner = last(made)
    inner.callbacks?.onSuccess({ url: requestOf().url }, inner.stats, requestOf(), null)
    expect(session.expiresIn).toBeNull()
  })

  it('throws for a parameter that no URL could hold', () => {
    expect(() => learnHeaders(createSession(), { hdntl: 'a&b' })).toThrow(TypeError)
  })
})

it('a session learns of Playgate-Session alone, when nothing else was asked for', () => {
  const { ask, made, session } = play({ origins: [origin] })
  ask()
  last(made).succeed({}, { hdntl: 'token', 'CTA-Common-Access-Token': 'token' })
  expect(session.expiresIn).toBeNull()
})
