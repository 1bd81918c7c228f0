import { describe, expect, it } from 'vitest'
import { singleRange } from '../../../server/origin/byte-range.ts'

describe('a single range', () => {
  it.each([
    ['bytes=0-', 'bytes=0-'],
    ['bytes=0-99', 'bytes=0-99'],
    [' Bytes=5-5 ', 'bytes=5-5'],
    ['bytes=-500', 'bytes=-500'],
    ['bytes=-0', 'bytes=-0'],
    ['bytes=0-999999999999999', 'bytes=0-999999999999999'],
  ])('is read from "%s"', (header, range) => expect(singleRange(header)).toBe(range))

  it.each([
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=5',
    'bytes=9-5',
    'bytes=0-0,5-9',
    'bytes=0-0,',
    'bytes=a-b',
    'bytes=0x1-',
    'bytes=1e3-',
    'bytes= 0-5',
    'bytes=--5',
    'items=0-5',
    '0-5',
    'bytes=0-9999999999999999999999999',
    `bytes=${Array.from({ length: 1000 }, (_, at) => `${at}-${at}`).join(',')}`,
  ])('is not read from "%s"', (header) => expect(singleRange(header)).toBeUndefined())
})
