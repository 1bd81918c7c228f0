import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeOnce,
  joinUrl,
  readParameter,
  removeParameter,
  removeParameters,
  setParameter,
  splitUrl,
  targetQuery,
} from '../../shared/query.ts'

/** Text as it stands in a query: any printable ASCII but the marks that end a pair or the query. */
const queryText = fc.stringMatching(/^[!"$%'()*+,\-./0-9:;<>@A-Z[\\\]^_`a-z{|}~]*$/)
const otherPair = fc
  .tuple(queryText, queryText)
  .map(([name, value]) => `x${name.replaceAll('%', '')}=${value}`)
const query = fc.array(otherPair, { maxLength: 6 }).map((pairs) => pairs.join('&'))

describe('targetQuery', () => {
  it.each([
    ['/a', ''],
    ['/a?', ''],
    ['/a?b=c', 'b=c'],
    ['/a?b?c=%3F?', 'b?c=%3F?'],
    ['', ''],
  ])('of %j is %j', (target, expected) => {
    expect(targetQuery(target)).toBe(expected)
  })
})

describe('decodeOnce', () => {
  it.each([
    ['plain', 'plain'],
    ['a%2fb', 'a/b'],
    ['a+b', 'a+b'],
    ['%252f', '%2f'],
    ['100%', '100%'],
    ['%zz%41', '%zz%41'],
    ['%ff', '%ff'],
    ['%c3%a9', 'é'],
  ])('makes %s into %s', (text, wanted) => {
    expect(decodeOnce(text)).toBe(wanted)
  })
})

describe('readParameter', () => {
  it.each([
    ['', 'a', []],
    ['a=1', 'a', ['1']],
    ['a=1&b=2&a=3', 'a', ['1', '3']],
    ['a', 'a', ['']],
    ['a=', 'a', ['']],
    ['a=b=c', 'a', ['b=c']],
    ['%61=1', 'a', ['1']],
    ['A=1', 'a', []],
    ['aa=1', 'a', []],
    ['a=%2F+x', 'a', ['%2F+x']],
    ['a[]=1', 'a', []],
    ['__proto__=1', '__proto__', ['1']],
    ['a=1', 'constructor', []],
  ])('reads from %s the values of %s', (text, name, wanted) => {
    expect(readParameter(text, name)).toEqual(wanted)
  })
})

describe('removeParameters', () => {
  it.each([
    ['a=1&b=2', ['a'], 'b=2'],
    ['a=1&b=2', ['a', 'b'], ''],
    ['a=1&&b=2', ['b'], 'a=1&'],
    ['%61=1&b=%7b', ['a'], 'b=%7b'],
    ['b=2', ['a'], 'b=2'],
  ])('takes from %s the pairs named %j', (text, names, wanted) => {
    expect(removeParameters(text, names)).toBe(wanted)
  })
})

describe('splitUrl and joinUrl', () => {
  it('give back every URL as it was', () => {
    fc.assert(
      fc.property(fc.string(), (url) => {
        expect(joinUrl(splitUrl(url))).toBe(url)
      }),
    )
  })
})

describe('setParameter', () => {
  it.each([
    ['seg.ts', 'seg.ts?t=v'],
    ['seg.ts?a=b', 'seg.ts?a=b&t=v'],
    ['seg.ts?', 'seg.ts?t=v'],
    ['seg.ts#f', 'seg.ts?t=v#f'],
    ['seg.ts?t=old&a=b', 'seg.ts?a=b&t=v'],
    ['seg.ts?a=b&', 'seg.ts?a=b&t=v'],
    ['seg.ts?a=%7B{x}#?', 'seg.ts?a=%7B{x}&t=v#?'],
  ])('makes %s into %s', (url, wanted) => {
    expect(setParameter(url, 't', 'v')).toBe(wanted)
  })

  it('leaves each other pair as it was, whatever it holds', () => {
    fc.assert(
      fc.property(query, (text) => {
        const url = setParameter(`/p?${text}`, 't', 'v')
        expect(url).toBe(text === '' ? '/p?t=v' : `/p?${text}&t=v`)
        expect(removeParameter(url, 't')).toBe(text === '' ? '/p' : `/p?${text}`)
      }),
    )
  })

  it.each(['', 'a=1&', 'a=1&&', '&', '&&', '&a=1', 'a=1&&b=2'])(
    'changes nothing when done twice to ?%s',
    (text) => {
      const once = setParameter(`/p?${text}`, 't', 'v')
      expect(setParameter(once, 't', 'v')).toBe(once)
      expect(setParameter(once, 't', 'w')).toBe(once.replace('t=v', 't=w'))
    },
  )

  it('changes nothing when done twice', () => {
    fc.assert(
      fc.property(query, (text) => {
        const once = setParameter(`/p?${text}`, 't', 'v')
        expect(setParameter(once, 't', 'v')).toBe(once)
      }),
    )
  })
})

describe('removeParameter', () => {
  it.each([
    ['/p', '/p'],
    ['/p?', '/p?'],
    ['/p?t=1', '/p'],
    ['/p?t=1&t=2#f', '/p#f'],
    ['/p?a=1&t', '/p?a=1'],
  ])('makes %s into %s', (url, wanted) => {
    expect(removeParameter(url, 't')).toBe(wanted)
  })
})
