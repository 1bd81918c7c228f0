import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RewriteJsonOptions, rewriteJson } from '../../../server/playlist/index.ts'
import { bytes, text } from './bytes.ts'
import { bareOptions, bareToken, base, parameter } from './rewrite.ts'

function rewrite(document: string, options: Partial<RewriteJsonOptions> = {}): string {
  return text(
    rewriteJson(bytes(document), { base, parameter, value: 'T~1', mode: 'query', ...options }),
  )
}
const t = 'hdntl=T~1'

describe('a steering manifest', () => {
  const manifest = '{"VERSION":1,"TTL":300,"PATHWAY-PRIORITY":["A"]}'
  const reload = '/vod/a/steer.json?x="\\'

  it.each([
    ['query', `"/vod/a/steer.json?x=\\"\\\\&${t}"`],
    ['define', `"/vod/a/steer.json?x=\\"\\\\&${t}"`],
    ['path', '"/hdntl=T~1/vod/a/steer.json?x=\\"\\\\"'],
  ] as const)('without RELOAD-URI gets the one that is given, in mode %s', (mode, uri) => {
    const written = rewrite(` ${manifest}`, { mode, reload })
    expect(written).toBe(` {"RELOAD-URI":${uri},${manifest.slice(1)}`)
    expect(JSON.parse(written)['PATHWAY-PRIORITY']).toEqual(['A'])
  })

  it.each([
    ['one that names its own', `{"RELOAD-URI":"x?${t}","PATHWAY-PRIORITY":["A"]}`],
    ['an asset list', '{"ASSETS":[]}'],
    ['a list', '[]'],
    ['no JSON', '{"PATHWAY-PRIORITY":'],
  ])('and nothing else does: %s', (_what, document) => {
    expect(rewrite(document, { reload })).toBe(document)
  })

  it('hands no token to where it may not go', () => {
    const written = rewrite(manifest, { reload: 'https://evil.example/steer' })
    expect(written).toBe(`{"RELOAD-URI":"https://evil.example/steer",${manifest.slice(1)}`)
  })
})

describe('JSON documents', () => {
  it.each([
    ['a reload URI', '{"VERSION":1,"TTL":3e2,"RELOAD-URI":"steer?x=1<&>"}'],
    [
      'the URIs of clones',
      `{"PATHWAY-CLONES":[{"BASE-ID":"A","ID":"B","URI-REPLACEMENT":{
        "PER-VARIANT-URIS":{"v1":"https://own.example/v1.m3u8<?>","v2":"https://evil.example/"},
        "PER-RENDITION-URIS":{"r":"https://own.example/r.m3u8<?>"}}}]}`,
    ],
    [
      'an asset list',
      '{"ASSETS":[{"URI":"ad.m3u8<?>","DURATION":1.50},{"URI":"https://evil.example/"}]}',
    ],
    [
      'a schedule',
      `{"DATERANGES":[{"ID":"1","X-ASSET-URI":"a.m3u8<?>","X-URI":"b<?>","X-COM-URL":"c"},
        {"X-ASSET-LIST":"l.json<?>"},{"X-ASSET-LIST":{"ASSETS":[{"URI":"m<?>"}],"URI":"n"}},
        {"X-URI":{"URI":"o"},"X-ASSET-URI":["p"]}]}`,
    ],
    [
      'chapters',
      '[{"chapter":1,"images":[{"url":"i.jpg<?>","pixel-width":8}],"url":"x"},{"url":"y"}]',
    ],
  ])('%s get the token, and nothing else changes', (_, document) => {
    const filled = document.replaceAll('<?>', `?${t}`).replaceAll('<&>', `&${t}`)
    expect(rewrite(document.replace(/<.>/g, ''))).toBe(filled)
    expect(rewrite(filled)).toBe(filled)
    expect(rewrite(filled, { value: 'T~2' })).toBe(filled.replaceAll('T~1', 'T~2'))
  })

  it.each([
    [
      'spaces, numbers and repeated keys',
      ' {\t"ASSETS" :\r\n[ { "a":-0.10E+2,"URI" : "x<>" , "URI":"y<>"} ] }\n',
    ],
    ['a BOM', '\u00ef\u00bb\u00bf{"ASSETS":[{"URI":"x<>"}]}'],
    ['escaped slashes', '{"ASSETS":[{"URI":"https:\\/\\/own.example\\/x<>"}]}'],
    ['escapes of any kind', '{"ASSETS":[{"URI":"\\u0078\\ud83d\\ude00\\t\\u00e9<>"}]}'],
    ['an escaped key', '{"A\\u0053SETS":[{"\\u0055RI":"x<>"}]}'],
    [
      'UTF-8 and bytes that are none',
      '{"ASSETS":[{"t":"\u00c3\u00bc\u00ff","URI":"\u00c3\u00bc<>"}]}',
    ],
    ['blanks around', '{"ASSETS":[{"URI":" x<> \\n"}]}'],
    ['brackets and quotes in strings', '{"x":"}]\\"{","ASSETS":["[",{"y":"\\\\","URI":"x<>"}]}'],
    ['empty containers', '{"a":{},"b":[],"ASSETS":[{},[],{"URI":"x<>"}]}'],
    [
      "keys of an object's own kind",
      '{"__proto__":{"URI":"x"},"constructor":1,"ASSETS":[{"URI":"x<>"}]}',
    ],
  ])('keep %s', (_, document) => {
    expect(rewrite(document.replaceAll('<>', ''))).toBe(document.replaceAll('<>', `?${t}`))
  })

  it('see a foreign host through escapes', () => {
    const document =
      '{"ASSETS":[{"URI":"\\u002f\\u002fevil.example/x"},{"URI":"\\\\\\\\evil.example"}]}'
    expect(rewrite(document)).toBe(document)
  })

  it('replace a token that is written in escapes', () => {
    expect(rewrite('{"RELOAD-URI":"s?\\u0068dntl=OLD&a=\\u0031#f"}')).toBe(
      `{"RELOAD-URI":"s?a=\\u0031&${t}#f"}`,
    )
  })

  it.each([
    '',
    '{"ASSETS":[{"URI":"x"}',
    '{"ASSETS":[{"URI":"x"}],}',
    "{'ASSETS':[{'URI':'x'}]}",
    '{"ASSETS":[{"URI":"x"}]} x',
    '"x"',
    'null',
    '7',
    '{}',
    '[]',
    '{"URI":"x","url":"y","uri":"z"}',
    '{"ASSETS":{"URI":"x"}}',
    '{"assets":[{"URI":"x"}]}',
    '{"ASSETS":[{"URI":7},{"URI":null},{"URI":""},"x"]}',
    '{"X":{"ASSETS":[{"URI":"x"}]}}',
    '[{"images":{"url":"x"}},{"images":["x"]}]',
    '<html>"RELOAD-URI":"x"</html>',
  ])('pass unchanged: %s', (document) => {
    expect(rewrite(document)).toBe(document)
  })

  it('get a bare token in front of the query', () => {
    const old = bareToken.toUpperCase()
    const document = `{"RELOAD-URI":"s?a=\\u0031&${old}#f","ASSETS":[{"URI":"x"}]}`
    const out = rewrite(document, bareOptions)
    expect(out).toBe(
      `{"RELOAD-URI":"s?${bareToken}&a=\\u0031#f","ASSETS":[{"URI":"x?${bareToken}"}]}`,
    )
    expect(rewrite(out, bareOptions)).toBe(out)
  })

  it('lose parameters of steering clones that would stand beside a bare token', () => {
    const params = (inner: string) =>
      `{"PATHWAY-CLONES":[{"URI-REPLACEMENT":{"PARAMS":{${inner}}}}]}`
    const old = bareToken.toUpperCase()
    expect(rewrite(params(`"a":"1","${old}":"","":"x","v2":""`), bareOptions)).toBe(
      params('"a":"1","":"x","v2":""'),
    )
    expect(rewrite(params(`"${old}":""`))).toBe(params(`"${old}":""`))
  })

  it('get no variables: in define mode the value itself is placed', () => {
    expect(rewrite('{"RELOAD-URI":"s"}', { mode: 'define' })).toBe(`{"RELOAD-URI":"s?${t}"}`)
    expect(() => rewriteJson(bytes('{}'), { base, parameter, mode: 'define' })).toThrow(/^value: /)
    expect(rewrite('{"RELOAD-URI":"{$x}/s"}')).toBe(`{"RELOAD-URI":"{$x}/s?${t}"}`)
  })

  it('survive nesting without end', () => {
    const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    const document = `{"x":${deep(5000)},"RELOAD-URI":"s"}`
    expect(rewrite(document)).toBe(document.replace('"s"', `"s?${t}"`))
    const bottomless = '['.repeat(1_000_000)
    expect(rewrite(bottomless)).toBe(bottomless)
  })

  it('stay what they were but for the token, whatever they hold', () => {
    const uris = fc.constantFrom(
      'a',
      '/b?c',
      'https://evil.example/d',
      'e"\\\n\u00e9\ud83d\ude00',
      '',
      'skd://f',
    )
    const shape = fc.record({
      'RELOAD-URI': uris,
      ASSETS: fc.array(fc.record({ URI: uris, X: fc.jsonValue() })),
      other: fc.jsonValue(),
    })
    fc.assert(
      fc.property(shape, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const document = JSON.stringify(value, null, indent)
        const utf8 = (s: string) => new TextEncoder().encode(s)
        const out = rewriteJson(utf8(document), { base, parameter, value: 'T~1', mode: 'query' })
        const written = new TextDecoder().decode(out)
        const without = (s: string) => s.replace(/[?&]hdntl=T~1/g, '')
        expect(without(written)).toBe(document)
        for (const [index, { URI }] of (JSON.parse(written) as typeof value).ASSETS.entries()) {
          const before = value.ASSETS[index]?.URI ?? ''
          const isOwn = before !== '' && !/^(https|skd):/.test(before)
          expect(URI).toBe(isOwn ? `${before}${before.includes('?') ? '&' : '?'}${t}` : before)
        }
      }),
    )
  })
})

describe('JSON in path mode', () => {
  it.each([
    ['{"RELOAD-URI":"s"}', '{"RELOAD-URI":"/hdntl=T~1/vod/a/s"}'],
    ['{"RELOAD-URI":"https://own.example/s"}', '{"RELOAD-URI":"https://own.example/hdntl=T~1/s"}'],
    [
      '{"RELOAD-URI":"https:\\/\\/own.example\\/a\\/s"}',
      '{"RELOAD-URI":"https://own.example/hdntl=T~1\\/a\\/s"}',
    ],
    ['{"RELOAD-URI":"\\/a\\/..\\/s\\\\\\"x?\\"\\\\"}', '{"RELOAD-URI":"/hdntl=T~1/s/%22x?%22%5C"}'],
    [
      '{"ASSETS":[{"URI":"https://evil.example/s"}]}',
      '{"ASSETS":[{"URI":"https://evil.example/s"}]}',
    ],
  ])('%s', (before, after) => {
    expect(rewrite(before, { mode: 'path' })).toBe(after)
    expect(rewrite(after, { mode: 'path' })).toBe(after)
  })

  it('leaves relative URIs that inherit the token, and makes those of clones absolute', () => {
    const document = (v: string) =>
      `{"RELOAD-URI":"s","PATHWAY-CLONES":[{"URI-REPLACEMENT":{"PER-VARIANT-URIS":{${v}}}}]}`
    const out = rewrite(document('"a":"a","b":"/b","c":"//own.example/hdntl=OLD/c"'), {
      mode: 'path',
      base: 'https://own.example/hdntl=T~1/steer/index.json',
    })
    const at = 'https://own.example/hdntl=T~1'
    expect(out).toBe(document(`"a":"${at}/steer/a","b":"${at}/b","c":"${at}/c"`))
  })
})

describe('steering clones', () => {
  const own = '{"ID":"o","URI-REPLACEMENT":{"HOST":"own.example"}}'
  const listed = '{"ID":"l","URI-REPLACEMENT":{"HOST":"cdn.example"}}'
  const foreign = '{"ID":"f","URI-REPLACEMENT":{"HOST":"evil.example"}}'
  const clones = (list: string) => `{"PATHWAY-CLONES":[${list}],"TTL":1}`
  const reach = ['https://cdn.example', 'https://port.example:8443']

  it.each([
    [`${foreign}`, ''],
    [` ${foreign} `, '  '],
    [`${foreign},${foreign}`, ''],
    [`${own},${foreign}`, own],
    [`${foreign} , ${own}`, own],
    [`${own}, ${foreign},\n${listed}`, `${own},\n${listed}`],
    [`${foreign},${own},${foreign},${foreign},${listed},${foreign}`, `${own},${listed}`],
    [`${own},${listed},{},7`, `${own},${listed},{},7`],
  ])('to foreign hosts are dropped: %s', (before, after) => {
    expect(rewrite(clones(before), { reach })).toBe(clones(after))
  })

  it.each([
    ['"own.example"', true],
    ['"OWN.example"', true],
    ['"own.example:443"', true],
    ['""', true],
    ['null', true],
    ['"port.example:8443"', true],
    ['"port.example"', false],
    ['"own.example:8443"', false],
    ['"own.example.evil.example"', false],
    ['"evil.example/own.example"', false],
    ['"evil.example:443"', false],
    ['"evil.example\\\\@own.example"', false],
    ['"\\u0065vil.example"', false],
    ['7', false],
    ['["own.example"]', false],
  ])('with the host %s: %s', (host, stays) => {
    const document = clones(`{"URI-REPLACEMENT":{"HOST":${host}}}`)
    expect(rewrite(document, { reach })).toBe(stays ? document : clones(''))
  })

  it.each([
    ['{"hdntl":"x"}', '{}'],
    ['{"a":"1","hdntl":"x"}', '{"a":"1"}'],
    ['{"hdntl":"x","a":"1"}', '{"a":"1"}'],
    ['{ "hd\\u006etl" : {"x":1} , "HDNTL":"1","%68dntl":"y"}', '{ "HDNTL":"1"}'],
    ['{"a":"hdntl"}', '{"a":"hdntl"}'],
  ])('must not overwrite the token: %s', (before, after) => {
    const document = (params: string) => clones(`{"URI-REPLACEMENT":{"PARAMS":${params}}}`)
    expect(rewrite(document(before))).toBe(document(after))
  })
})
