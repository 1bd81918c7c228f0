import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { AddressSet } from '../../../server/claim/address-set.ts'
import { readRequest } from '../../../server/http/read-request.ts'
import { PlaybackError } from '../../../shared/codes.ts'

function request(
  rawHeaders: string[],
  { url = '/a', method = 'GET', remoteAddress = '198.51.100.7', encrypted = false } = {},
): IncomingMessage {
  return {
    rawHeaders,
    url,
    method,
    socket: { remoteAddress, encrypted },
  } as unknown as IncomingMessage
}

const options = {
  trustedProxies: new AddressSet(['10.0.0.0/8', '2001:db8::/32']),
  pathParameters: ['hdntl'],
  allowSemicolon: false,
}
const read = (...args: Parameters<typeof request>) => readRequest(request(...args), options)

describe('the client address', () => {
  it.each([
    ['a stranger’s header counts for nothing', '198.51.100.7', ['1.2.3.4'], '198.51.100.7'],
    ['behind a trusted proxy it is the last hop', '10.0.0.1', ['1.2.3.4'], '1.2.3.4'],
    [
      'a client’s own entries on the left count for nothing',
      '10.0.0.1',
      ['6.6.6.6, 1.2.3.4'],
      '1.2.3.4',
    ],
    ['trusted hops are walked through', '10.0.0.1', ['6.6.6.6, 1.2.3.4, 10.9.9.9'], '1.2.3.4'],
    ['repeated headers are one list', '10.0.0.1', ['6.6.6.6', '1.2.3.4, 10.9.9.9'], '1.2.3.4'],
    ['junk ends the walk', '10.0.0.1', ['1.2.3.4, junk, 10.9.9.9'], '10.9.9.9'],
    ['an empty header leaves the proxy', '10.0.0.1', [''], '10.0.0.1'],
    ['a mapped address is its IPv4', '::ffff:10.0.0.1', ['::ffff:1.2.3.4'], '1.2.3.4'],
    ['IPv6 proxies are trusted alike', '2001:db8::1', ['2001:db9::5'], '2001:db9::5'],
    ['a hop may name its port', '10.0.0.1', ['6.6.6.6, 203.0.113.9:51234'], '203.0.113.9'],
    ['and so an IPv6 one', '10.0.0.1', ['[2001:db9::5]:443'], '2001:db9::5'],
    ['brackets need no port', '10.0.0.1', ['[2001:db9::5]'], '2001:db9::5'],
    ['trusted hops with ports too', '10.0.0.1', ['1.2.3.4:5, 10.9.9.9:443'], '1.2.3.4'],
    ['a mapped address in brackets', '10.0.0.1', ['[::ffff:1.2.3.4]:80'], '1.2.3.4'],
  ])('%s', (_what, remoteAddress, forwarded, expected) => {
    const rawHeaders = ['Host', 'a', ...forwarded.flatMap((value) => ['X-Forwarded-For', value])]
    expect(read(rawHeaders, { remoteAddress }).clientAddress).toBe(expected)
  })

  it.each([
    ...['1.2.3.4:', '1.2.3.4:http', '1.2.3.4:123456', '1.2.3.4:-1', '1.2.3.4 :80', ':80', '[]:80'],
    ...['[1.2.3.4]:80', '[2001:db9::5', '2001:db9::5]', '[2001:db9::5]443', '[[2001:db9::5]]'],
    ...['[fe80::1%eth0]:80', '[2001:db9::5]:', '010.2.3.4:80', '1.2.3:80', '0x7f.1:80', '1:80'],
    ...['unknown', '_hidden', '_hidden:80', '"[2001:db9::5]"', 'for=1.2.3.4', 'a.example:80'],
  ])('is not behind a hop that is none: %s', (hop) => {
    const rawHeaders = ['Host', 'a', 'X-Forwarded-For', `6.6.6.6, ${hop}, 10.9.9.9`]
    expect(read(rawHeaders, { remoteAddress: '10.0.0.1' }).clientAddress).toBe('10.9.9.9')
  })

  it('does not take a spelling with underscores for the header', () => {
    const facts = read(['Host', 'a', 'X_Forwarded_For', '1.2.3.4'], { remoteAddress: '10.0.0.1' })
    expect(facts.clientAddress).toBe('10.0.0.1')
  })
})

describe('scheme and host', () => {
  const forwarded = [
    'Host',
    'inner',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'video.example.com',
  ]
  it('come from a trusted proxy', () => {
    expect(read(forwarded, { remoteAddress: '10.0.0.1' })).toMatchObject({
      scheme: 'https',
      host: 'video.example.com',
    })
  })
  it('and from nobody else', () => {
    expect(read(forwarded)).toMatchObject({ scheme: 'http', host: 'inner' })
  })
})

describe('a request that two readers could understand differently', () => {
  it.each<[string, string[], { url?: string; method?: string }]>([
    ['no Host', [], {}],
    ['two Hosts', ['Host', 'a', 'host', 'b'], {}],
    ['the same Host twice', ['Host', 'a', 'Host', 'a'], {}],
    ['a Host with a path', ['Host', 'a/b'], {}],
    ['a Host with user', ['Host', 'u@a'], {}],
    ['a Host with a blank', ['Host', 'a b'], {}],
    ['an empty Host', ['Host', ''], {}],
    ['a body on GET', ['Host', 'a', 'Content-Length', '3'], {}],
    ['a chunked body on HEAD', ['Host', 'a', 'Transfer-Encoding', 'chunked'], { method: 'HEAD' }],
    ['absolute form', ['Host', 'a'], { url: 'http://a/b' }],
    ['dot segments', ['Host', 'a'], { url: '/a/../b' }],
    ['encoded slashes', ['Host', 'a'], { url: '/a%2fb' }],
    ['two tokens in the path', ['Host', 'a'], { url: '/hdntl=one/hdntl=two/b' }],
  ])('%s', (_what, rawHeaders, init) => {
    expect(() => read(rawHeaders, init)).toThrow(PlaybackError)
    try {
      read(rawHeaders, init)
    } catch (error) {
      expect(error).toMatchObject({
        code: 'ERR_REQUEST_TARGET',
        reason: 'bad-request',
        status: 400,
      })
    }
  })

  it('is too long', () => {
    expect(() => read(['Host', 'a'], { url: `/${'a'.repeat(9000)}` })).toThrow(
      expect.objectContaining({ status: 414 }),
    )
  })
})

describe('a token in the path', () => {
  it('is no part of the path', () => {
    const facts = read(['Host', 'a'], {
      url: '/hdntl=exp=1~acl=%2f*~hmac=ab/vod/a%ec%95%88.ts?x=1',
    })
    expect(facts.path).toBe('/vod/a%EC%95%88.ts')
    expect(facts.rawPath).toBe('/vod/a%ec%95%88.ts')
  })
})
