import { describe, expect, it } from 'vitest'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import { OptionError } from '../../../shared/codes.ts'

const sources = { environment: {}, baseDirectory: import.meta.dirname }
const hex = '5f0c1d7a9be24e63a8d1f3b07c9e2a4d'
const phrase = 'correct horse battery staple'

function judge(rule: object, keys: object = { vod: { primary: hex } }) {
  const [judged] = judgeOptions(
    { keys, rules: [{ origin: 'https://origin.example', ...rule }] },
    sources,
  ).rules
  if (judged === undefined) throw new Error('no rule')
  return judged
}

function problemsOf(rule: object, keys?: object): string[] {
  try {
    judge(rule, keys)
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return error.message.split('\n')
  }
}

describe('each format', () => {
  it('gets the defaults that are documented', () => {
    const { access, keepsTokens } = judge({
      access: [
        { format: 'ectoken', key: 'vod' },
        { format: 'timed', key: 'vod' },
        { format: 'managed' },
      ],
    })
    const carriers = ['query', 'cookie', 'header']
    expect(access).toMatchObject([
      {
        format: 'ectoken',
        parameter: '',
        carriers: ['query'],
        policy: { ignoreCase: false, denyUnknownCountry: false, allowUnrestricted: false },
        maxLifetimeSeconds: null,
      },
      { format: 'timed', parameter: 'token', carriers, isKept: false, realm: 'default' },
      { format: 'managed', parameter: 'token', carriers, realm: 'default' },
    ])
    expect(keepsTokens).toBe(true)
  })

  it.each([
    ['edgeauth', { format: 'edgeauth', key: 'vod' }, false],
    ['ectoken', { format: 'ectoken', key: 'vod' }, false],
    ['sealed timed', { format: 'timed', key: 'vod' }, false],
    ['revocable timed', { format: 'timed', key: 'vod', revocable: true }, true],
    ['managed', { format: 'managed' }, true],
  ])('%s: the store keeps its tokens: %j', (_what, access, isKept) => {
    expect(judge({ access }).keepsTokens).toBe(isKept)
  })

  it.each<[string, object, string]>([
    [
      'a name that the format forbids',
      { format: 'ectoken', key: 'vod', parameter: 'ec_token' },
      'access[0].parameter: ec_token',
    ],
    [
      'a name that is none',
      { format: 'ectoken', key: 'vod', parameter: 'a b' },
      'access[0].parameter: not a parameter name',
    ],
    [
      'no name where one is due',
      { format: 'timed', key: 'vod', parameter: '' },
      'access[0].parameter',
    ],
    [
      'a bare token in a cookie',
      { format: 'ectoken', key: 'vod', carriers: ['cookie'] },
      'access[0].carriers: a bare token',
    ],
    ['an ectoken without a key', { format: 'ectoken' }, 'access[0].key'],
    ['a realm that is none', { format: 'managed', realm: 'a/b' }, 'access[0].realm'],
    ['an empty realm', { format: 'managed', realm: '' }, 'access[0].realm'],
    [
      'what only EdgeAuth has',
      { format: 'managed', singleUse: true },
      'access[0].singleUse: no such option',
    ],
    [
      'what only timed has',
      { format: 'managed', revocable: true },
      'access[0].revocable: no such option',
    ],
    ['a format of nobody', { format: 'jwt', key: 'vod' }, 'access[0].format'],
    [
      'a life of nothing',
      { format: 'ectoken', key: 'vod', maxLifetimeSeconds: 0 },
      'access[0].maxLifetimeSeconds',
    ],
  ])('%s is named with its place', (_what, access, problem) => {
    expect(problemsOf({ access })).toEqual([expect.stringContaining(`rules[0].${problem}`)])
  })
})

describe('a key that need not be named', () => {
  it('is that of the EdgeAuth tokens of the rule, else the first that can be one', () => {
    const keys = {
      portal: { primary: phrase },
      live: { primary: `${'ab12'.repeat(8).slice(1)}c` },
      vod: { primary: hex },
    }
    const named = judge({ access: [{ format: 'edgeauth', key: 'vod' }, { format: 'timed' }] }, keys)
    expect(named.access[1]?.keyName).toBe('vod')
    const first = judge(
      { access: [{ format: 'ectoken', key: 'portal' }, { format: 'timed' }], session: {} },
      keys,
    )
    expect(first.access[1]).toMatchObject({ keyName: 'live', isKept: false })
  })

  it('is not asked of tokens that the store keeps, where there are no sessions to be signed', () => {
    const keys = { portal: { primary: phrase } }
    const rule = judge(
      { access: [{ format: 'ectoken', key: 'portal' }, { format: 'managed' }] },
      keys,
    )
    expect(rule.access[1]).toMatchObject({ keyName: null, keys: null, sessionKeys: null })
  })

  it('timed tokens without any are kept in the store', () => {
    const [timed] = judge({ access: { format: 'timed' } }, {}).access
    expect(timed).toMatchObject({ isKept: true, sealingKeys: null, keyName: null })
  })

  it.each(['managed', 'timed'])(
    'sessions of %s tokens need one, and the place is named',
    (format) => {
      expect(problemsOf({ access: { format }, session: {} }, {})).toEqual([
        'rules[0].access[0].key: its sessions are signed with a key: give keys one, and name it',
      ])
      const keys = { portal: { primary: phrase } }
      expect(problemsOf({ access: { format }, session: {} }, keys)).toEqual([
        'rules[0].access[0].key: its sessions are signed with a key: give keys one, and name it',
      ])
    },
  )

  it('sessions that have a key of their own need no other', () => {
    const rule = { access: { format: 'managed' }, session: { key: 'vod' } }
    expect(judge(rule).session?.signingKey).not.toBeNull()
  })
})

describe('sessions of one format', () => {
  /** The names of the keys that sign sessions of such tokens. */
  const signers = (access: object) =>
    judge({ access, session: {} }).access.flatMap(
      ({ sessionKeys }) => sessionKeys?.secretNames ?? [],
    )

  it('are signed with a key that those of another, or of another realm, do not have', () => {
    const names = [
      { format: 'edgeauth', key: 'vod' },
      { format: 'edgeauth', key: 'vod', salt: 'pepper' },
      { format: 'ectoken', key: 'vod' },
      { format: 'timed', key: 'vod' },
      { format: 'timed', key: 'vod', revocable: true },
      { format: 'timed', key: 'vod', revocable: true, realm: 'other' },
      { format: 'managed', key: 'vod' },
      { format: 'managed', key: 'vod', realm: 'other' },
    ].flatMap(signers)
    expect(new Set(names).size).toBe(names.length)
  })

  it('bear tags of their own, and one that another key has is complained about', () => {
    const tags = judge({
      access: [
        { format: 'edgeauth', key: 'vod' },
        { format: 'timed', key: 'vod' },
        { format: 'managed', key: 'vod' },
        { format: 'managed', key: 'vod', realm: 'other' },
      ],
    }).access.map(({ keyTag }) => keyTag)
    expect(new Set(tags).size).toBe(4)
    const kept = judge({ access: [{ format: 'timed', revocable: true }, { format: 'managed' }] })
    expect(kept.access[0]?.keyTag).toBe(kept.access[1]?.keyTag)
  })
})
