import { describe, expect, it } from 'vitest'
import { rewriteUri, token } from './rewrite.ts'

const t = `hdntl=${token}`
const define = (name: string, value: string) => `#EXT-X-DEFINE:NAME="${name}",VALUE="${value}"\n`

describe('variables', () => {
  it.each([
    ['stay in the output', define('x', 'v'), 'a/{$x}.ts', `a/{$x}.ts?${t}`],
    ['may bring the query', define('auth', '?k=1'), 's.ts{$auth}', `s.ts{$auth}&${t}`],
    ['may bring an empty query', define('q', '?'), 's.ts{$q}', `s.ts{$q}&${t}`],
    ['may end the query with &', define('q', 'a=1&'), 's.ts?{$q}', `s.ts?{$q}&${t}`],
    ['may stand in the query', define('auth', 'k=1'), 's.ts?{$auth}&a=2', `s.ts?{$auth}&a=2&${t}`],
    ['may bring the fragment', define('f', '#x'), 's.ts{$f}', `s.ts?${t}{$f}`],
    ['are written out where the token goes inside', define('m', '?a=1#x'), 's{$m}', `s?a=1&${t}#x`],
    ['hide a prefix of ours', define('p', 'https://own.example/v/'), '{$p}s.ts', `{$p}s.ts?${t}`],
    ['hide a foreign prefix', define('p', 'https://evil.example/'), '{$p}s.ts', '{$p}s.ts'],
    [
      'hide half a foreign host',
      define('p', '.evil'),
      'https://own.example{$p}/s',
      'https://own.example{$p}/s',
    ],
    ['turn a path into a host', define('p', '/'), '/{$p}evil.example/s', '/{$p}evil.example/s'],
    ['can be empty', define('e', ''), '{$e}//evil.example/s', '{$e}//evil.example/s'],
    ['can be empty at the end', define('e', ''), 's.ts?a=1{$e}', `s.ts?a=1{$e}&${t}`],
    [
      'are written out to drop an old token',
      define('o', 'hdntl=OLD&a=1'),
      's.ts?{$o}',
      `s.ts?a=1&${t}`,
    ],
    ['stay beside an old token', define('k', 'k=1&l=2'), 's?{$k}&hdntl=OLD&m', `s?{$k}&m&${t}`],
    ['can name the old token', define('n', 'hdntl'), 's.ts?{$n}=OLD&a=1', `s.ts?a=1&${t}`],
    [
      'can build on others',
      `${define('h', 'evil.example')}${define('u', 'https://{$h}')}`,
      '{$u}/s',
      '{$u}/s',
    ],
    [
      'are expanded once only',
      `${define('a', '{$b}')}${define('b', '//evil.example/')}`,
      '{$a}s',
      '{$a}s',
    ],
    ['are unknown when never defined, up to the host', '', '{$x}/s.ts', '{$x}/s.ts'],
    ['are unknown when never defined, behind it', '', 'a/{$x}/s.ts', `a/{$x}/s.ts?${t}`],
    ['are no variables with other names', '', '{$a b}/s.ts', `{$a b}/s.ts?${t}`],
    ['with two values are unknown', define('p', 'v') + define('p', 'w'), '{$p}/s', '{$p}/s'],
    [
      'with one value twice are known',
      define('p', 'v') + define('p', 'v'),
      '{$p}/s',
      `{$p}/s?${t}`,
    ],
    ['without a value are unknown', '#EXT-X-DEFINE:NAME="p"\n', '{$p}/s', '{$p}/s'],
    ['are case-sensitive', define('P', 'v'), '{$p}/s', '{$p}/s'],
    ['may have hyphens', define('a-b_1', 'v'), '{$a-b_1}/s', `{$a-b_1}/s?${t}`],
  ])('%s', (_, header, uri, expected) => {
    const out = rewriteUri(uri, {}, header)
    expect(out).toBe(expected)
    expect(rewriteUri(out, {}, header)).toBe(out)
  })

  it('count from their line downwards', () => {
    const header = `{$p}/a.ts\n${define('p', 'v')}`
    expect(rewriteUri('{$p}/b.ts', {}, header)).toBe(`{$p}/b.ts?${t}`)
  })

  it('keep their values byte for byte, whatever they look like', () => {
    const header = define('u', 'https://own.example/s.ts?hdntl=OLD')
    expect(rewriteUri('s.ts', {}, header)).toBe(`s.ts?${t}`)
  })

  it.each([
    ['a map', new Map([['p', 'https://own.example']])],
    ['a record', { p: 'https://own.example' }],
  ])('are imported from %s', (_, imports) => {
    const header = '#EXT-X-DEFINE:IMPORT="p"\n'
    expect(rewriteUri('{$p}/s.ts', { imports }, header)).toBe(`{$p}/s.ts?${t}`)
    expect(rewriteUri('{$p}/s.ts', {}, header)).toBe('{$p}/s.ts')
    expect(rewriteUri('{$toString}/s', { imports }, '#EXT-X-DEFINE:IMPORT="toString"\n')).toBe(
      '{$toString}/s',
    )
  })

  it.each([
    ['?p=https%3A%2F%2Fown.example', true],
    ['?p=https://own.example', true],
    ['?p=https%3A%2F%2Fevil.example', false],
    ['?q=1', false],
    ['?p=v&p=w', false],
    ['?p=v&p=v', true],
    ['?p=%22', false],
    ['?p=%0A', false],
  ])('are read from the playlist URL with %s', (query, isOwn) => {
    const base = `https://own.example/vod/a/index.m3u8${query}`
    const out = rewriteUri('{$p}/s.ts', { base }, '#EXT-X-DEFINE:QUERYPARAM="p"\n')
    expect(out).toBe(isOwn ? `{$p}/s.ts?${t}` : '{$p}/s.ts')
  })

  it('that double each other do not fill the memory', () => {
    const names = Array.from({ length: 60 }, (_, index) => `v${index}`)
    const header = names
      .map((name, index) => define(name, index === 0 ? 'ha' : `{$v${index - 1}}{$v${index - 1}}`))
      .join('')
    expect(rewriteUri('{$v5}/s.ts', {}, header)).toBe(`{$v5}/s.ts?${t}`)
    expect(rewriteUri('{$v59}/s.ts', {}, header)).toBe('{$v59}/s.ts')
    expect(rewriteUri('a/{$v59}/s.ts', {}, header)).toBe(`a/{$v59}/s.ts?${t}`)
  })
})
