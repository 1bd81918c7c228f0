import { describe, expect, it } from 'vitest'
import { OptionError } from '../../shared/codes.ts'
import { createReach, parseOrigin } from '../../shared/reach.ts'

const base = 'https://own.example/vod/index.m3u8'
const reach = createReach({
  base,
  origins: ['https://cdn.example', 'http://plain.example:80/', 'https://port.example:8443'],
})

describe('reach', () => {
  it.each([
    ['the base itself', base],
    ['another path of its host', 'https://own.example/x'],
    ['the default port written out', 'https://own.example:443/x'],
    ['capitals', 'HTTPS://OWN.EXAMPLE/x'],
    ['a slash too many or one turned around', 'https:\\\\own.example\\x'],
    ['a percent-encoded host', 'https://%6fwn.example/x'],
    ['a listed origin', 'https://cdn.example/x'],
    ['a listed http origin', 'http://plain.example/x'],
    ['a listed port', 'https://port.example:8443/x'],
  ])('covers %s', (_, url) => {
    expect(reach(new URL(url))).toBe(true)
  })

  it.each([
    ['another host', 'https://evil.example/'],
    ['a host that begins like ours', 'https://own.example.evil.example/'],
    ['a host that ends like ours', 'https://evilown.example/'],
    ['a host below ours', 'https://sub.own.example/'],
    ['the host with a trailing dot', 'https://own.example./'],
    ['another port', 'https://own.example:8443/'],
    ['the same host without encryption', 'http://own.example/'],
    ['the port of another scheme', 'http://own.example:443/'],
    ['a listed host on another port', 'https://port.example/'],
    ['a listed host with another scheme', 'https://plain.example/'],
    ['our name as userinfo of another', 'https://own.example@evil.example/'],
    ['userinfo on our host', 'https://user@own.example/'],
    ['a password alone on our host', 'https://:secret@own.example/'],
    ['our name before a backslash and an at sign', 'https://evil.example\\@own.example/'],
    ['a key system', 'skd://own.example/key'],
    ['data', 'data:text/plain,https://own.example/'],
    ['a blob of our origin', 'blob:https://own.example/0'],
    ['a file', 'file:///own.example/x'],
    ['a web socket of our host', 'wss://own.example/'],
  ])('does not cover %s', (_, url) => {
    expect(reach(new URL(url))).toBe(false)
  })

  it('names each entry that is no origin, and the base', () => {
    const make = () =>
      createReach({ base: 'ftp://own.example/', origins: ['https://ok.example', 'cdn.example'] })
    expect(make).toThrow(OptionError)
    expect(make).toThrow(/^base: .*\norigins\[1\]: /)
  })

  it.each([
    ['https://CDN.Example', 'https://cdn.example'],
    ['https://cdn.example/', 'https://cdn.example'],
    ['https://cdn.example:443', 'https://cdn.example'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('reads %s as the origin %s', (written, origin) => {
    expect(parseOrigin(written)).toBe(origin)
  })

  it.each([
    'cdn.example',
    '//cdn.example',
    'https:cdn.example',
    'https://cdn.example/path',
    'https://cdn.example?x',
    'https://cdn.example#x',
    'https://user@cdn.example',
    'https://*.example',
    'https://cdn.example ',
    'https://cdn.example\\x',
    'https://cdn.example:99999',
    'ftp://cdn.example',
    '*',
    'null',
    '',
  ])('does not read %j as an origin', (written) => {
    expect(parseOrigin(written)).toBeNull()
  })
})
