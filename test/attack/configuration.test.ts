import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Configuration, createPlaygate, OptionError } from '../../server/index.ts'
import { otherKey, startGate, testKey } from '../stage/start-gate.ts'

const rule = {
  match: { paths: ['/vod/*'] },
  origin: 'https://origin.example.com',
  access: { format: 'edgeauth', key: 'vod' },
  session: {},
}
const secret = 'c3b1f0e9d8a7b6c5'

function messageOf(configuration: object): string {
  try {
    createPlaygate(
      { keys: { vod: { primary: testKey } }, rules: [rule], ...configuration } as Configuration,
      {
        environment: { SECRET: secret },
      },
    )
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError)
    return (error as Error).message
  }
  return 'taken'
}

describe('T07 and T108: a configuration that would be unsafe', () => {
  const with_ = (more: object) => ({ rules: [{ ...rule, ...more }] })
  const withKey = (primary: unknown) => ({ keys: { vod: { primary } } })
  it.each<[string, object, string]>([
    ['an empty key', withKey(''), 'keys.vod.primary'],
    ['a short key', withKey(secret.slice(0, 14)), 'keys.vod.primary'],
    [
      'a key that is no hexadecimal',
      withKey('YourEncryptionKeyYourEncryptionKey'),
      'keys.vod.primary',
    ],
    ['an odd key', withKey(`${testKey}a`), 'keys.vod.primary'],
    ['one byte over and over', withKey('ab'.repeat(32)), 'keys.vod.primary'],
    ['a key of the documentation', withKey('aabbccddeeff00112233445566778899'), 'keys.vod.primary'],
    [
      'a bad transition key',
      { keys: { vod: { primary: testKey, transition: 'ab' } } },
      'keys.vod.transition',
    ],
    ['a key that is not there', withKey('env:NOTHING'), 'keys.vod.primary'],
    [
      'an unknown key name',
      with_({ access: { format: 'edgeauth', key: 'other' } }),
      'rules[0].access',
    ],
    ['an unknown option', with_({ acces: {} }), 'rules[0].acces'],
    [
      'an unknown option inside',
      with_({ session: { carier: ['query'] } }),
      'rules[0].session.carier',
    ],
    ['no access at all', with_({ access: undefined }), 'rules[0].access'],
    ['an empty list of access', with_({ access: [] }), 'rules[0].access'],
    ['open and access together', with_({ open: true }), 'rules[0].open'],
    [
      'one name for both tokens',
      with_({ session: { parameter: 'hdnts' } }),
      'rules[0].session.parameter',
    ],
    [
      'a session of more than a day',
      with_({ session: { maxLifetimeSeconds: 86_401 } }),
      'rules[0].session.maxLifetimeSeconds',
    ],
    [
      'cookies for every origin',
      with_({ session: { carrier: ['cookie'] }, cors: { origins: ['*'] } }),
      'rules[0].cors',
    ],
    ['CORS for null', with_({ cors: { origins: ['null'] } }), 'rules[0].cors.origins[0]'],
    [
      'CORS with a wildcard',
      with_({ cors: { origins: ['https://*.example.com'] } }),
      'rules[0].cors.origins[0]',
    ],
    [
      'reach with a wildcard',
      with_({ session: { reach: ['https://*'] } }),
      'rules[0].session.reach[0]',
    ],
    [
      'reach with a path',
      with_({ session: { reach: ['https://a.example/x'] } }),
      'rules[0].session.reach[0]',
    ],
    [
      'a rule for a host that no request names',
      with_({ match: { hosts: ['https://video.example.com'] } }),
      'rules[0].match.hosts[0]',
    ],
    [
      'a rule for paths that no request has',
      with_({ match: { paths: ['/vod/*', '/vod//film/*'] } }),
      'rules[0].match.paths[1]',
    ],
    ['a proxy that is a name', { trustedProxies: ['proxy.example'] }, 'trustedProxies'],
    ['a proxy net that is none', { trustedProxies: ['10.0.0.0/80'] }, 'trustedProxies'],
    ['an origin with a password', with_({ origin: 'https://u:p@a.example' }), 'rules[0].origin'],
    ['an origin of another scheme', with_({ origin: 'ftp://a.example' }), 'rules[0].origin'],
    ['a redirect to nowhere', with_({ denial: { status: 302 } }), 'rules[0].denial.location'],
    [
      'a redirect to a script',
      with_({ denial: { status: 302, location: 'javascript:alert(1)' } }),
      'rules[0].denial.location',
    ],
    [
      'a redirect to another host',
      with_({ denial: { status: 302, location: '//evil.example' } }),
      'rules[0].denial.location',
    ],
    [
      'a redirect with a line feed',
      with_({ denial: { status: 302, location: '/a\r\nX: y' } }),
      'rules[0].denial.location',
    ],
    ['a refusal that is a 200', with_({ denial: { status: 200 } }), 'rules[0].denial.status'],
    [
      'a parameter that splits headers',
      with_({ session: { parameter: 'a\r\nb' } }),
      'rules[0].session.parameter',
    ],
    [
      'skew of an hour',
      with_({ access: { format: 'edgeauth', key: 'vod', clockSkewSeconds: 3600 } }),
      'clockSkewSeconds',
    ],
    [
      'tokens that end while players still have their segments to load',
      with_({ session: { slidingSeconds: 5 } }),
      'rules[0].session.slidingSeconds',
    ],
    ['workers that share no memory', { workers: 4 }, 'store'],
    ['an administrator whom anybody can guess', { admin: { token: 'admin' } }, 'admin.token'],
    ['an administrator without a token', { admin: { token: 'env:NOTHING' } }, 'admin.token'],
    ['a remote server that is not built', with_({ remoteAuth: 'x' }), 'rules[0].remoteAuth'],
    ['no rule', { rules: [] }, 'rules'],
  ])('%s stops the start and names its place', (_what, configuration, path) => {
    expect(messageOf(configuration)).toContain(path)
  })

  it('is not taken up by a reload, and nothing changes', async () => {
    const { gate, ask, mint } = await startGate()
    const bad = { rules: [{ ...rule, access: undefined }] } as unknown as Configuration
    expect(() => gate.reload(bad)).toThrow(OptionError)
    expect((await ask('/vod/film/index.m3u8')).status).toBe(403)
    expect((await ask(`/vod/film/index.m3u8?hdnts=${mint()}`)).status).toBe(200)
  })
})

describe('T109: a secret', () => {
  it('is in no message about it', () => {
    for (const primary of [
      secret.slice(0, 14),
      `${secret}zz`,
      `${secret}a`,
      secret.slice(0, 2).repeat(16),
    ]) {
      expect(messageOf({ keys: { vod: { primary } } })).not.toContain(primary)
    }
    expect(messageOf({ keys: { vod: { primary: 'env:SECRET' } } })).not.toContain(secret)
  })

  it('shows in no inspection of the gate or its options', async () => {
    const keys = { vod: { primary: testKey, transition: otherKey } }
    const { gate, log } = await startGate({ configuration: { keys } })
    const shown = [
      inspect(gate, { depth: 20, showHidden: true }),
      inspect(gate.options, { depth: 20, showHidden: true }),
      JSON.stringify(gate.options),
      ...log,
    ].join('\n')
    expect(shown.length).toBeGreaterThan(200)
    for (const key of [testKey, otherKey]) {
      expect(shown).not.toContain(key)
      expect(shown).not.toContain(key.slice(0, 16))
      expect(shown).not.toContain(Buffer.from(key, 'hex').toString('base64').slice(0, 16))
    }
  })
})
