import { describe, expect, it } from 'vitest'
import { linesOf, startOfText } from '../../../server/playlist/lines.ts'

const read = (text: string) =>
  [...linesOf(text)].map(({ from, to, next }) => [text.slice(from, to), text.slice(to, next)])

describe('lines', () => {
  it.each([
    ['', []],
    ['a', [['a', '']]],
    ['a\n', [['a', '\n']]],
    [
      'a\r\nb',
      [
        ['a', '\r\n'],
        ['b', ''],
      ],
    ],
    [
      'a\rb\r',
      [
        ['a', '\r'],
        ['b', '\r'],
      ],
    ],
    [
      '\r\r\n\n\r',
      [
        ['', '\r'],
        ['', '\r\n'],
        ['', '\n'],
        ['', '\r'],
      ],
    ],
    ['a\u0085b\u000bc\u000cd\u2028e\n', [['a\u0085b\u000bc\u000cd\u2028e', '\n']]],
  ])('splits %j', (text, lines) => {
    expect(read(text)).toEqual(lines)
  })

  it('begins behind a BOM', () => {
    expect(startOfText('\u00ef\u00bb\u00bf#EXTM3U')).toBe(3)
    expect(startOfText('#EXTM3U')).toBe(0)
  })
})
