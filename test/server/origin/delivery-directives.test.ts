import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBlocking, sortDirectives } from '../../../server/origin/delivery-directives.ts'

describe('delivery directives', () => {
  it.each([
    ['', ''],
    ['b=2&a=1', 'b=2&a=1'],
    ['_HLS_part=0&_HLS_msn=3', '_HLS_msn=3&_HLS_part=0'],
    ['_HLS_skip=YES&_HLS_msn=3&_HLS_part=0', '_HLS_msn=3&_HLS_part=0&_HLS_skip=YES'],
    ['_HLS_msn=3&b=2&a=1', 'b=2&a=1&_HLS_msn=3'],
    ['b=2&_HLS_part=0&a=%7E&_HLS_msn=3', 'b=2&a=%7E&_HLS_msn=3&_HLS_part=0'],
    ['%5FHLS_part=0&x&_HLS_msn=3', 'x&%5FHLS_part=0&_HLS_msn=3'],
    ['_hls_part=0&_hls_msn=3', '_hls_part=0&_hls_msn=3'],
    ['x=_HLS_msn&a', 'x=_HLS_msn&a'],
    ['&&_HLS_msn=3', '&&_HLS_msn=3'],
  ])('of "%s" are sent as "%s"', (query, sorted) => {
    expect(sortDirectives(query)).toBe(sorted)
  })

  it('come out the same in whatever order players send them', () => {
    const directive = fc.constantFrom('_HLS_msn=3', '_HLS_part=0', '_HLS_skip=YES', '_HLS_part=10')
    const pairs = fc.uniqueArray(directive)
    fc.assert(
      fc.property(pairs, fc.array(fc.stringMatching(/^[a-z]=\d$/)), (directives, others) => {
        const here = sortDirectives([...directives, ...others].join('&'))
        expect(sortDirectives([...others, ...[...directives].reverse()].join('&'))).toBe(here)
        expect(sortDirectives(here)).toBe(here)
      }),
    )
  })

  it.each([
    ['_HLS_msn=3', true],
    ['a=1&_HLS_msn=3&_HLS_part=0', true],
    ['_HLS_skip=YES', false],
    ['x=_HLS_msn', false],
    ['', false],
  ])('in "%s" may hold an answer back: %s', (query, blocking) => {
    expect(isBlocking(query)).toBe(blocking)
  })
})
