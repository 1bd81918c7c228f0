import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  keepSecondsFor,
  type SpendSubject,
  spendAccess,
  spendBinding,
  spendId,
} from '../../../server/session/spend-access.ts'
import { MemoryStore } from '../../../server/store/memory.ts'
import { readScheme } from '../../../server/token/edgeauth.ts'
import { mintEdgeauth } from '../../../server/token/edgeauth-mint.ts'
import {
  type EdgeauthClaims,
  type EdgeauthRequest,
  verifyReceived,
} from '../../../server/token/edgeauth-verify.ts'
import { Keyring } from '../../../server/token/keyring.ts'
import { proven, type Verified } from '../../../server/token/verified.ts'
import { epochSeconds } from '../../../shared/units.ts'
import { createClock } from '../../stage/clock.ts'

const [oldKey, newKey] = ['0f1e2d3c4b5a69788796a5b4c3d2e1f0', '102f3e4d5c6b7a8998a7b6c5d4e3f201']
const scheme = readScheme({ keys: new Keyring(newKey, oldKey) })
const now = epochSeconds(1_800_000_000)
const subject: SpendSubject = {
  secretName: 'vod',
  scheme,
  salt: '',
  path: '/vod/a.m3u8',
  query: '',
}

function verified(token: string, request: Partial<EdgeauthRequest> = {}): Verified<EdgeauthClaims> {
  const facts = { path: subject.path, query: '', salt: '', clientIp: '192.0.2.1', now, ...request }
  const outcome = verifyReceived(token, { ...scheme, ignoreQueryString: true }, facts)
  if (!outcome.ok) throw new Error(outcome.detail)
  return outcome.claims
}

const fields = { mode: 'acl', path: '/vod/*', windowSeconds: 60, now, sessionId: 'a/b' } as const

describe('the id under which an access token is spent', () => {
  it('is one for all texts of one grant', () => {
    const token = mintEdgeauth({ ...fields, key: newKey })
    const spellings = [token, encodeURIComponent(token), token.replaceAll('/', '%2f')]
    const ids = spellings.map((text) => spendId(verified(text), subject))
    expect(new Set(ids).size).toBe(1)
  })

  it('is the same whichever key of a ring has signed', () => {
    const [one, other] = [newKey, oldKey].map((key) =>
      spendId(verified(mintEdgeauth({ ...fields, key })), subject),
    )
    expect(one).toBe(other)
  })

  it.each([
    ['end', { windowSeconds: 61 }],
    ['start', { startTime: now - 1, endTime: now + 60 }],
    ['ACL', { path: '/vod/a*' }],
    ['id', { sessionId: 'a/c' }],
    ['absent id', { sessionId: undefined }],
    ['payload', { payload: 'x' }],
    ['address', { ip: '192.0.2.1' }],
  ])('differs between grants of another %s', (_, change) => {
    const plain = spendId(verified(mintEdgeauth({ ...fields, key: newKey })), subject)
    const changed = mintEdgeauth({ ...fields, ...change, key: newKey })
    expect(spendId(verified(changed), subject)).not.toBe(plain)
  })

  it('differs between keys, algorithms and salts', () => {
    const claims = verified(mintEdgeauth({ ...fields, key: newKey }))
    const subjects: SpendSubject[] = [
      subject,
      { ...subject, secretName: 'live' },
      { ...subject, salt: 'x' },
      { ...subject, scheme: { ...scheme, algorithm: 'sha1' } },
    ]
    const ids = subjects.map((one) => spendId(claims, one))
    expect(new Set(ids).size).toBe(subjects.length)
  })

  it('is the same on every path that an ACL token opens', () => {
    const claims = verified(mintEdgeauth({ ...fields, key: newKey }))
    const ids = ['/vod/a.m3u8', '/vod/b.m3u8'].map((path) =>
      spendId(claims, { ...subject, path, query: path }),
    )
    expect(new Set(ids).size).toBe(1)
  })

  it('of a URL token counts the URL, and the query exactly when it was signed', () => {
    const url = { ...fields, mode: 'url', path: '/vod/a.m3u8' } as const
    const claims = verified(mintEdgeauth({ ...url, key: newKey }))
    const idOf = (path: string, query: string, ignoreQueryString: boolean): string =>
      spendId(claims, { ...subject, path, query, scheme: { ...scheme, ignoreQueryString } })
    expect(idOf('/a', '', false)).not.toBe(idOf('/b', '', false))
    expect(idOf('/a', 'x=1', false)).not.toBe(idOf('/a', 'x=2', false))
    expect(idOf('/a', 'x=1', true)).toBe(idOf('/a', 'x=2', true))
  })

  it('has one size, and never coincides for different claims', () => {
    const text = fc.option(fc.string({ minLength: 1, unit: fc.constantFrom('1', ':', ';', '-') }), {
      nil: undefined,
    })
    const claims = fc.record({ ip: text, acl: text, sessionId: text, payload: text })
    const prove = (values: Record<string, string | undefined>): Verified<EdgeauthClaims> => {
      const given = Object.entries(values).filter(([, value]) => value !== undefined)
      return proven({ endTime: now, ...Object.fromEntries(given) })
    }
    fc.assert(
      fc.property(claims, claims, (one, other) => {
        const [first, second] = [prove(one), prove(other)].map((each) => spendId(each, subject))
        expect(first).toMatch(/^[\w-]{43}$/)
        const isSame = JSON.stringify(prove(one)) === JSON.stringify(prove(other))
        expect(first === second).toBe(isSame)
      }),
    )
  })

  it('is not to be had for claims that nobody proved', () => {
    const claims: EdgeauthClaims = { endTime: now }
    // @ts-expect-error: claims that were merely parsed
    expect(spendId(claims, subject)).toHaveLength(43)
  })
})

const client = (address: string, agent: string, more: string = '') => ({
  clientAddress: address,
  host: 'video.example',
  headers: new Map([
    ['user-agent', [agent]],
    ['accept', [more]],
  ]),
})

describe('the binding of a spent token', () => {
  it('is the address and the salt headers, and nothing else of the request', () => {
    const bind = (...facts: Parameters<typeof client>) =>
      spendBinding(client(...facts), ['user-agent'])
    expect(bind('192.0.2.1', 'a', 'x')).toBe(bind('192.0.2.1', 'a', 'y'))
    expect(bind('192.0.2.1', 'a')).not.toBe(bind('192.0.2.2', 'a'))
    expect(bind('192.0.2.1', 'a')).not.toBe(bind('192.0.2.1', 'b'))
    expect(bind('192.0.2.1', 'a')).toMatch(/^[\w-]{43}$/)
  })
})

describe('spending an access token', () => {
  const claims = verified(mintEdgeauth({ ...fields, key: newKey }))
  const request = {
    spendId: spendId(claims, subject),
    claims,
    saltHeaders: ['user-agent'],
    graceSeconds: 5,
  }

  it('lets the first client win, and hear it again within the grace', async () => {
    const clock = createClock(now * 1000)
    const store = new MemoryStore({ now: clock.now, maxMarkers: 10 })
    const spend = (address: string) =>
      spendAccess(store, { ...request, facts: client(address, 'a'), now: clock.nowSeconds() })
    expect(await spend('192.0.2.1')).toBe('first')
    expect(await spend('192.0.2.2')).toBe('spent')
    clock.advance(4000)
    expect(await spend('192.0.2.1')).toBe('repeat')
    clock.advance(1000)
    expect(await spend('192.0.2.1')).toBe('spent')
  })

  it('lasts for as long as any rule may take the token, whatever its clock skew', async () => {
    const clock = createClock((claims.endTime - 2) * 1000)
    const store = new MemoryStore({ now: clock.now, maxMarkers: 10 })
    const facts = client('192.0.2.1', 'a')
    const spend = () =>
      spendAccess(store, { ...request, graceSeconds: 0, facts, now: clock.nowSeconds() })
    expect(await spend()).toBe('first')
    while (clock.nowSeconds() <= claims.endTime + 300) {
      clock.advance(1000)
      expect(await spend()).toBe('spent')
    }
  })

  it('ends at one time, whenever the token is spent', () => {
    const ends = [0, 1, 59].map((later) => {
      const at = epochSeconds(now + later)
      return at + keepSecondsFor(claims, at)
    })
    expect(new Set(ends)).toEqual(new Set([claims.endTime + 360]))
  })

  it('fails when the store does', async () => {
    const store = new MemoryStore({ now: () => 0, maxMarkers: 0 })
    const spent = spendAccess(store, { ...request, facts: client('192.0.2.1', 'a'), now })
    await expect(spent).rejects.toMatchObject({ reason: 'store-unavailable', status: 503 })
  })
})
