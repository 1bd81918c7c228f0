import type { HlsConfig } from 'hls.js'
import { describe, expect, it, vi } from 'vitest'
import { createSession } from '../../player/session.ts'
import type { SessionOptions } from '../../player/types.ts'
import { withLicense } from '../../player/with-license.ts'
import { issue } from './playing.ts'
import { origin } from './requests.ts'

const server = `${origin}/license?system=widevine`
type LicenseSetup = NonNullable<HlsConfig['licenseXhrSetup']>

/** What is done to the request, in order. */
function record() {
  const done: unknown[] = []
  const xhr = {
    withCredentials: false,
    readyState: 0,
    open: (method: string, url: string) => done.push(['open', method, url]),
    setRequestHeader: (name: string, value: string) => done.push([name, value]),
  }
  return { done, xhr: xhr as unknown as XMLHttpRequest }
}

/** Sets a licence request up as hls.js does. */
async function setUp(options: SessionOptions = {}, url = server, own?: LicenseSetup) {
  const session = createSession({ getToken: issue(), origins: [origin], ...options })
  const config = withLicense(session, { debug: true, ...(own && { licenseXhrSetup: own }) })
  const { done, xhr } = record()
  const hls = {} as never
  const challenge = new Uint8Array([1])
  const result = await config.licenseXhrSetup?.call(hls, xhr, url, {} as never, challenge)
  return { session, config, done, xhr, result, hls }
}

describe('a licence request', () => {
  it('carries the token in its URL, once there is one', async () => {
    const { done, config, session } = await setUp()
    expect(done).toEqual([['open', 'POST', `${server}&hdnts=token-1`]])
    expect(config.debug).toBe(true)
    expect(session.state).toBe('ready')
  })

  it('carries it in a header, or goes with the cookies of the browser', async () => {
    const inHeader = await setUp({ transport: 'header' })
    expect(inHeader.done).toEqual([
      ['open', 'POST', server],
      ['hdnts', 'token-1'],
    ])
    expect(inHeader.xhr.withCredentials).toBe(false)
    expect((await setUp({ transport: 'cookie' })).xhr.withCredentials).toBe(true)
  })

  it('is set up by the page, too, which gets the URL with the token and may change the challenge', async () => {
    const changed = new Uint8Array([2])
    const own = vi.fn<LicenseSetup>(async (xhr, url) => {
      xhr.open('POST', url)
      xhr.setRequestHeader('x-mine', '1')
      return changed
    })
    const { done, result, hls } = await setUp({ transport: 'header' }, server, own)
    expect(done).toEqual([
      ['open', 'POST', server],
      ['open', 'POST', server],
      ['x-mine', '1'],
      ['hdnts', 'token-1'],
    ])
    expect(result).toBe(changed)
    expect(own.mock.contexts).toEqual([hls])
  })

  it('to another host is none of ours', async () => {
    const own = vi.fn<LicenseSetup>(() => undefined)
    const { done, session } = await setUp({}, 'https://drm.test/license', own)
    expect(done).toEqual([])
    expect(own.mock.calls[0]?.[1]).toBe('https://drm.test/license')
    expect(session.state).toBe('idle')
    expect((await setUp({}, 'https://drm.test/license')).done).toEqual([])
  })

  it('is not made after the final refusal', async () => {
    const getToken = async () => Promise.reject({ status: 403 })
    await expect(setUp({ getToken })).rejects.toMatchObject({ code: 403 })
  })
})
