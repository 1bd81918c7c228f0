import { describe, expect, it } from 'vitest'
import { freshMs } from '../../../server/origin/freshness.ts'

const rules = {
  livePlaylistFreshMs: 1000,
  endedPlaylistFreshMs: 10_000,
  maxLivePlaylistFreshMs: 2000,
}
const date = 'Thu, 01 Jan 2026 00:00:00 GMT'

describe('the freshness of a playlist', () => {
  it.each([
    ['nothing', {}, 1000, 10_000],
    ['an empty cache-control', { 'cache-control': '' }, 1000, 10_000],
    ['max-age', { 'cache-control': 'max-age=1' }, 1000, 1000],
    ['a long max-age', { 'cache-control': 'public, max-age=3600' }, 2000, 3_600_000],
    ['s-maxage before max-age', { 'cache-control': 'max-age=600, s-maxage=1' }, 1000, 1000],
    ['names in capitals', { 'cache-control': 'MAX-AGE=30' }, 2000, 30_000],
    ['a quoted number', { 'cache-control': 'max-age="30"' }, 2000, 30_000],
    ['several fields', { 'cache-control': ['public', 'max-age=30'] }, 2000, 30_000],
    ['the smaller of two', { 'cache-control': 'max-age=30, max-age=1' }, 1000, 1000],
    ['a number that is none', { 'cache-control': 'max-age=soon' }, 0, 0],
    ['a negative number', { 'cache-control': 'max-age=-5' }, 0, 0],
    ['max-age and age', { 'cache-control': 'max-age=30', age: '29' }, 1000, 1000],
    ['an age beyond max-age', { 'cache-control': 'max-age=30', age: '31' }, 0, 0],
    ['an age that is none', { 'cache-control': 'max-age=30', age: 'x' }, 2000, 30_000],
    ['no-store', { 'cache-control': 'no-store, max-age=30' }, 0, 0],
    ['no-cache', { 'cache-control': 'no-cache' }, 0, 0],
    ['private', { 'cache-control': 'private, max-age=30' }, 0, 0],
    ['max-age=0', { 'cache-control': 'max-age=0' }, 0, 0],
    ['a date to come', { expires: 'Thu, 01 Jan 2026 00:00:05 GMT', date }, 2000, 5000],
    ['a date gone by', { expires: 'Wed, 31 Dec 2025 00:00:00 GMT', date }, 0, 0],
    ['a date that is none', { expires: '0', date }, 0, 0],
    ['max-age before a date', { expires: '0', date, 'cache-control': 'max-age=5' }, 2000, 5000],
    ['vary: *', { vary: '*', 'cache-control': 'max-age=30' }, 0, 0],
    ['another vary', { vary: 'accept-encoding', 'cache-control': 'max-age=1' }, 1000, 1000],
  ])('with %s', (_name, raw, live, ended) => {
    expect([freshMs(raw, false, rules), freshMs(raw, true, rules)]).toEqual([live, ended])
  })
})
