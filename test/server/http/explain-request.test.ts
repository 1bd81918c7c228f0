import { describe, expect, it } from 'vitest'
import { type ExplainRequest, readExplainRequest } from '../../../server/http/explain-request.ts'
import { OptionError, PlaybackError } from '../../../shared/codes.ts'

const read = (request: ExplainRequest) =>
  readExplainRequest(request, { pathParameters: [], allowSemicolon: false })

describe('a request that is described', () => {
  it.each([
    ['http://Video.example.com/vod/x?a=b', 'http', 'video.example.com', '/vod/x?a=b'],
    ['HTTPS://host:8443/vod/x', 'https', 'host:8443', '/vod/x'],
    ['http://[::1]:80/vod/x', 'http', '[::1]:80', '/vod/x'],
    ['http://host', 'http', 'host', '/'],
    ['http://host?a', 'http', 'host', '/?a'],
    ['/vod/x', 'http', 'localhost', '/vod/x'],
  ])('is read as the server would read it: %s', (url, scheme, host, target) => {
    expect(read({ url })).toMatchObject({ scheme, host, target, clientAddress: '127.0.0.1' })
  })

  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['fe80::1%eth0', ''],
  ])('comes from %s in the one spelling that the server has for it: %j', (asked, address) => {
    expect(read({ url: '/x', clientAddress: asked }).clientAddress).toBe(address)
  })

  it('has every value of a field that is sent several times, by any spelling of its name', () => {
    const { headers } = read({
      url: '/x',
      headers: { Cookie: ['a=1', 'b=2'], cookie: 'c=3', hdnts: 'x' },
    })
    expect([...headers]).toEqual([
      ['cookie', ['a=1', 'b=2', 'c=3']],
      ['hdnts', ['x']],
    ])
  })

  it.each([
    ['two Hosts', { Host: ['a.example', 'a.example'] }],
    ['two Hosts, each spelt in its way', { Host: 'a.example', host: 'b.example' }],
    ['a malformed Host', { Host: 'exa mple' }],
    ['a Host with a user', { Host: 'user@host' }],
  ])('is refused as the server refuses it: %s', (_what, headers) => {
    expect(() => read({ url: '/x', headers })).toThrow(PlaybackError)
  })

  it.each<[object, RegExp]>([
    [{ url: 'http://user@host/x' }, /^url: names no host/],
    [{ url: 'http://user:pw@host/x' }, /^url: names no host/],
    [{ url: 'http://exa mple/x' }, /^url: names no host/],
    [{ url: 'http://bücher.example/x' }, /^url: names no host/],
    [{ url: 'http://a..b:0x50/x' }, /^url: names no host/],
    [{ url: 'http://host:99999/x' }, /^url: names no host/],
    [{ url: 'http://[::1/x' }, /^url: names no host/],
    [{ url: 'http://host\n/x' }, /^url: names no host/],
    [{ url: 'http://' }, /^url: names no host/],
    [{ url: 'vod/x' }, /^url: neither a whole URL/],
    [{ url: '' }, /^url: neither a whole URL/],
    [{ url: null }, /^url: neither a whole URL/],
    [{}, /^url: neither a whole URL/],
    [{ url: '/x', clientAddress: 'foo' }, /^clientAddress: /],
    [{ url: '/x', clientAddress: '' }, /^clientAddress: /],
    [{ url: '/x', clientAddress: '10.0.0.0/8' }, /^clientAddress: /],
    [{ url: '/x', clientAddress: '10.0.0.1%eth0' }, /^clientAddress: /],
    [{ url: '/x', clientAddress: '::1%' }, /^clientAddress: /],
    [{ url: '/x', clientAddress: 5 }, /^clientAddress: /],
    [{ url: '/x', header: { a: 'b' } }, /^header: unknown option: here it is called headers$/],
    [{ url: '/x', ip: '10.0.0.1' }, /^ip: unknown option: here it is called clientAddress$/],
  ])('cannot be what no client can send: %j', (request, message) => {
    expect(() => read(request as ExplainRequest)).toThrow(OptionError)
    expect(() => read(request as ExplainRequest)).toThrow(message)
  })
})
