import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeByteText,
  encodeByteText,
  fromByteText,
  toByteText,
  trimSpan,
} from '../../../server/playlist/byte-text.ts'

describe('byte text', () => {
  it('gives all bytes back as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        expect(fromByteText(toByteText(body))).toEqual(body)
      }),
    )
  })

  it('keeps each of the 256 bytes, also where windows-1252 differs from latin1, and across chunks', () => {
    const body = Uint8Array.from({ length: 20_000 }, (_, index) => index % 256)
    const text = toByteText(body)
    expect([...text.slice(0, 256)].map((c) => c.charCodeAt(0))).toEqual([...body.slice(0, 256)])
    expect(fromByteText(text)).toEqual(body)
  })

  it('keeps a BOM and broken UTF-8', () => {
    const body = Uint8Array.of(0xef, 0xbb, 0xbf, 0x41, 0xff, 0xc3)
    expect(fromByteText(toByteText(body))).toEqual(body)
  })

  it('reads and writes UTF-8', () => {
    expect(decodeByteText('m\u00c3\u00bcnchen')).toBe('münchen')
    expect(encodeByteText('münchen')).toBe('m\u00c3\u00bcnchen')
    expect(decodeByteText('\u00ff')).toBe('\ufffd')
  })

  it.each([
    ['a', 'a'],
    [' \t a b \t', 'a b'],
    ['\u00c2\u00a0a\u00c2\u00a0', 'a'],
    ['\u00ef\u00bb\u00bfa\u00e2\u0080\u00a8', 'a'],
    ['\u00c3\u00a9', '\u00c3\u00a9'],
    ['\u00a0', '\u00a0'],
    [' \t', ''],
    ['', ''],
  ])('trims %j to %j, as a player that decodes UTF-8 would', (text, trimmed) => {
    const { from, to } = trimSpan(`<${text}>`, { from: 1, to: 1 + text.length })
    expect(`<${text}>`.slice(from, to)).toBe(trimmed)
  })
})
