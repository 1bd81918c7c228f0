import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MappedText } from '../../../server/playlist/mapped-text.ts'

const mapped = new MappedText([
  { source: 'a/', text: 'a/' },
  { source: '{$x}', text: 'long' },
  { source: '{$e}', text: '' },
  { source: '/b', text: '/b' },
])

describe('text in two forms', () => {
  it('reads one way and is written another', () => {
    expect(mapped.text).toBe('a/long/b')
    expect(mapped.source).toBe('a/{$x}{$e}/b')
    expect(mapped.isLiteral).toBe(false)
    expect(MappedText.literal('{$x}').isLiteral).toBe(true)
  })

  it.each([
    [0, 8, 'a/{$x}{$e}/b'],
    [0, 6, 'a/{$x}{$e}'],
    [6, 8, '/b'],
    [2, 6, '{$x}{$e}'],
    [0, 4, 'a/lo'],
    [3, 5, 'on'],
    [4, 7, 'ng{$e}/'],
    [3, 3, ''],
  ])('writes a half reference out, from %i to %i', (from, to, source) => {
    expect(mapped.slice(from, to).source).toBe(source)
  })

  it('is whole again when its parts are joined', () => {
    const piece = fc.record({ source: fc.string(), text: fc.string() })
    fc.assert(
      fc.property(fc.array(piece), fc.nat(), (pieces, place) => {
        const whole = new MappedText(pieces)
        fc.pre(whole.text.length > 1)
        const at = 1 + (place % (whole.text.length - 1))
        const joined = MappedText.join([whole.slice(0, at), whole.slice(at)])
        expect(joined.text).toBe(whole.text)
      }),
    )
  })
})
