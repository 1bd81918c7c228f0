import { describe, expect, it } from 'vitest'
import { type RemoteGrants, readGrants } from '../../../server/remote/grants.ts'

describe('what an approving answer grants', () => {
  it.each<[headers: Record<string, string | string[]>, grants: RemoteGrants]>([
    [{}, {}],
    [{ 'content-type': 'text/plain', 'x-subject': 'u' }, {}],
    [{ 'playgate-subject': 'user-7@site/a~b%20' }, { subject: 'user-7@site/a~b%20' }],
    [{ 'playgate-subject': 'a'.repeat(256) }, { subject: 'a'.repeat(256) }],
    [{ 'playgate-max-concurrent': '1' }, { maxConcurrent: 1 }],
    [{ 'playgate-max-lifetime': '3600' }, { maxLifetimeSeconds: 3600 }],
    [
      {
        'playgate-subject': 'u',
        'playgate-max-concurrent': '999999',
        'playgate-max-lifetime': '999999999',
      },
      { subject: 'u', maxConcurrent: 999_999, maxLifetimeSeconds: 999_999_999 },
    ],
  ])('is read from %j', (headers, grants) => {
    expect(readGrants(headers)).toEqual(grants)
  })

  it.each<[name: string, value: string | string[]]>([
    ...['', ' ', 'two words', 'é', 'a'.repeat(257)].map((value): [string, string] => [
      'playgate-subject',
      value,
    ]),
    ['playgate-subject', ['u', 'u']],
    ...['', '0', '-1', '+1', '01', '1.0', '1e3', '0x10', ' 1', '1 ', '1,1', '1000000', 'one'].map(
      (value): [string, string] => ['playgate-max-concurrent', value],
    ),
    ['playgate-max-concurrent', ['2', '2']],
    ...['', '0', '-60', '60s', '1000000000', '6e1', 'Infinity'].map((value): [string, string] => [
      'playgate-max-lifetime',
      value,
    ]),
  ])('is nothing when %s is %j: the answer is no good', (name, value) => {
    const others = { 'playgate-subject': 'u', 'playgate-max-lifetime': '60' }
    expect(readGrants({ ...others, [name]: value })).toBe(name)
  })
})
