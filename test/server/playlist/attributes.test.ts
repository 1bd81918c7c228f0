import { describe, expect, it } from 'vitest'
import { attributesOf, valueText } from '../../../server/playlist/attributes.ts'

const read = (list: string) =>
  [...attributesOf(list, { from: 0, to: list.length })].map((attribute) => [
    attribute.name,
    valueText(list, attribute),
    attribute.quoted,
  ])

describe('the attribute walker', () => {
  it.each([
    [
      'A=1,B="x"',
      [
        ['A', '1', false],
        ['B', 'x', true],
      ],
    ],
    [
      'A="x,URI=y,B=\'z\'",URI="w"',
      [
        ['A', "x,URI=y,B='z'", true],
        ['URI', 'w', true],
      ],
    ],
    [
      'A=1, B="x" ,\tC="y"',
      [
        ['A', '1', false],
        ['B', 'x', true],
        ['C', 'y', true],
      ],
    ],
    ['URI=""', [['URI', '', true]]],
    ['URI="a=b"', [['URI', 'a=b', true]]],
    ['URI="a', []],
    ['A=1,URI="a,B=2', [['A', '1', false]]],
    [
      'URI="a"b,B="c"',
      [
        ['URI', '"a"b', false],
        ['B', 'c', true],
      ],
    ],
    [
      'URI="a""b,c",B="d"',
      [
        ['URI', '"a""b,c"', false],
        ['B', 'd', true],
      ],
    ],
    [
      "URI='a',B=2",
      [
        ['URI', "'a'", false],
        ['B', '2', false],
      ],
    ],
    ['FLAG,URI="a"', [['URI', 'a', true]]],
    [',,URI="a",', [['URI', 'a', true]]],
    ['=1', [['', '1', false]]],
    ['A=', [['A', '', false]]],
    ['A', []],
    ['', []],
  ])('reads %s', (list, attributes) => {
    expect(read(list)).toEqual(attributes)
  })

  it('looks at nothing behind its bounds', () => {
    const text = 'A="x"",B="y"'
    expect([...attributesOf(text, { from: 0, to: 5 })]).toHaveLength(1)
    expect([...attributesOf(text, { from: 0, to: 4 })]).toHaveLength(0)
    expect([...attributesOf(text, { from: 0, to: 2 })][0]?.value).toEqual({ from: 2, to: 2 })
  })
})
