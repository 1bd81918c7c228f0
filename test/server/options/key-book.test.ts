import { describe, expect, it } from 'vitest'
import { judgeOptions } from '../../../server/options/judge-options.ts'
import { OptionError } from '../../../shared/codes.ts'

const sources = {
  environment: { HEX: '5f0c1d7a9be24e63a8d1f3b07c9e2a4d', PHRASE: 'correct horse battery staple' },
  baseDirectory: import.meta.dirname,
}
const hex = sources.environment.HEX
const phrase = sources.environment.PHRASE

function rule(access: object, more: object = {}) {
  return { origin: 'https://origin.example', access, ...more }
}

function judge(keys: object, access: object, more: object = {}) {
  return judgeOptions({ keys, rules: [rule(access, more)] }, sources)
}

function problemsOf(keys: object, access: object, more: object = {}): string[] {
  try {
    judge(keys, access, more)
    return []
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    return error.message.split('\n')
  }
}

const edgeauth = { format: 'edgeauth', key: 'k' }
const ectoken = { format: 'ectoken', key: 'k' }
const timed = { format: 'timed', key: 'k' }
const managed = { format: 'managed', key: 'k' }

describe('what a text is worth as a key shows with its use', () => {
  it.each<[string, string, object, RegExp | null]>([
    ['bytes for EdgeAuth', hex, edgeauth, null],
    ['bytes for timed tokens', hex, timed, null],
    ['bytes for ectokens, where they are a pass phrase', hex, ectoken, null],
    ['a pass phrase for ectokens', phrase, ectoken, null],
    ['a pass phrase from the environment', 'env:PHRASE', ectoken, null],
    ['a pass phrase beyond ASCII', 'schön, daß dies niemand errät', ectoken, null],
    ['a pass phrase for EdgeAuth', phrase, edgeauth, /^keys\.k\.primary: must be hexadecimal/],
    ['a pass phrase for timed tokens', phrase, timed, /^keys\.k\.primary: must be hexadecimal/],
    ['a pass phrase for managed tokens', phrase, managed, /^keys\.k\.primary: must be hexadecimal/],
    ['8 bytes', '0011223344556677', edgeauth, /^keys\.k\.primary: has 8 bytes/],
    ['21 characters', 'correct horse battery', ectoken, /^keys\.k\.primary: has 21 characters/],
    ['a few characters', 'xyxyxyxyxyxyxyxyxyxyxyxy', ectoken, /^keys\.k\.primary: is a few/],
    ['nothing', '', ectoken, /^keys\.k\.primary: is empty/],
    ['a few hexadecimal digits', '0123456789abcdef0123456789', ectoken, /has 26 characters/],
    ['an example', 'aabbccddeeff00112233445566778899', ectoken, /is an example/],
    ['a variable that is not set', 'env:NONE', ectoken, /^keys\.k\.primary: .*NONE is not set/],
  ])('%s', (_what, text, access, complaint) => {
    const problems = problemsOf({ k: { primary: text } }, access)
    if (complaint === null) expect(problems).toEqual([])
    else {
      expect(problems).toEqual([expect.stringMatching(complaint)])
      expect(text === '' || !problems.join().includes(text) || text.startsWith('env:')).toBe(true)
    }
  })

  it('the same text serves two formats, each with a key of its own', () => {
    const { rules } = judge({ k: { primary: hex } }, [edgeauth, ectoken])
    const [one, other] = rules[0]?.access ?? []
    expect(one?.keys?.primary.export()).toEqual(Buffer.from(hex, 'hex'))
    expect(other?.keys?.primary.symmetricKeySize).toBe(32)
    expect(one?.sessionKeys?.secretNames).not.toEqual(other?.sessionKeys?.secretNames)
  })

  it('is complained about once for each use, and for the transition key by its own name', () => {
    const keys = { k: { primary: phrase, transition: 'zz' } }
    expect(problemsOf(keys, [edgeauth, timed, ectoken])).toEqual([
      expect.stringContaining('keys.k.primary: must be hexadecimal'),
      expect.stringContaining('keys.k.transition: must be hexadecimal'),
      expect.stringContaining('keys.k.transition: has 2 characters'),
      expect.stringContaining('keys.k.transition: is a few'),
    ])
  })

  it.each([
    ['a pass phrase', phrase, []],
    ['hexadecimal digits', hex, []],
    ['neither', 'short', [expect.stringContaining('keys.spare.primary: must be hexadecimal')]],
  ])('a key that no rule uses may be %s', (_what, text, problems) => {
    expect(problemsOf({ k: { primary: hex }, spare: { primary: text } }, edgeauth)).toEqual(
      problems,
    )
  })

  it('a key whose name ends like that of another one is judged all the same', () => {
    const keys = { 'old k': { primary: hex }, k: { primary: 'short' } }
    expect(problemsOf(keys, { format: 'edgeauth', key: 'old k' })).toEqual([
      expect.stringContaining('keys.k.primary'),
    ])
  })

  it('a name that no key has is told with those that there are', () => {
    expect(problemsOf({ a: { primary: hex }, b: { primary: hex } }, edgeauth)).toEqual([
      'rules[0].access[0].key: no key of that name in keys (there: a, b)',
    ])
    expect(problemsOf({}, timed)).toEqual([
      'rules[0].access[0].key: no key of that name in keys (there: none)',
    ])
  })
})
