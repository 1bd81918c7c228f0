import { describe, expect, it } from 'vitest'
import { checkCountry, parseCountry } from '../../../server/claim/country.ts'

describe('parseCountry', () => {
  it('reads two letters of either case', () => {
    expect(parseCountry('fr')).toBe('FR')
  })

  it.each(['', 'F', 'FRA', 'T1', ' FR', 'F\u212a'])('refuses %j', (text) => {
    expect(parseCountry(text)).toBeNull()
  })
})

describe('checkCountry', () => {
  it.each([
    ['an allowed one', { allow: ['US', 'FR'] }, 'FR', true],
    ['in lower case', { allow: ['FR'] }, 'fr', true],
    ['one that is not allowed', { allow: ['US'] }, 'FR', false],
    ['a denied one', { deny: ['FR'] }, 'FR', false],
    ['one that is not denied', { deny: ['RU'] }, 'FR', true],
    ['allowed and denied: allow wins', { allow: ['FR'], deny: ['FR'] }, 'FR', true],
    ['neither, with both lists', { allow: ['US'], deny: ['CA'] }, 'FR', false],
    ['unknown, allow list', { allow: ['FR'] }, null, false],
    ['unknown, deny list', { deny: ['FR'] }, null, true],
    ['no code, allow list', { allow: ['FR'] }, 'FRA', false],
  ])('%s', (_name, lists, country, ok) => {
    expect(checkCountry(lists, { country }).ok).toBe(ok)
  })

  it('refuses an unknown country by a deny list when told so', () => {
    const facts = { country: null, denyUnknownCountry: true }
    expect(checkCountry({ deny: ['RU'] }, facts).ok).toBe(false)
    expect(checkCountry({ deny: ['RU'] }, { ...facts, country: 'FR' }).ok).toBe(true)
  })
})
