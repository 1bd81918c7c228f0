import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SiteError } from '../../player/demo/site.ts'
import { changeCharacter } from '../../player/demo/tokens/change-character.ts'
import { describeFailure } from '../../player/demo/tokens/failure.ts'
import { fieldsOf, titleOf } from '../../player/demo/tokens/say.ts'

describe('changing one character', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

  it('changes exactly one, within its alphabet', () => {
    const token = fc.stringMatching(/^[A-Za-z0-9_-]{39,60}$/)
    fc.assert(
      fc.property(token, share, (text, pick) => {
        const changed = changeCharacter(text, pick)
        if (changed === null) return
        const { index } = changed
        expect(changed.text).toHaveLength(text.length)
        expect(changed.text.slice(0, index)).toBe(text.slice(0, index))
        expect(changed.text.slice(index + 1)).toBe(text.slice(index + 1))
        expect(changed.text.charAt(index)).not.toBe(text.charAt(index))
      }),
    )
  })

  it.each([
    ['exp=17~acl=/a/*~hmac=0f', 'exp=', 'acl=', 'hmac='],
    ['pgm_ab', 'pgm_'],
    ['pgt_0-_', 'pgt_'],
  ])('leaves alone what tells the format of %s', (token, ...fixed) => {
    fc.assert(
      fc.property(share, (pick) => {
        const text = changeCharacter(token, pick)?.text ?? ''
        for (const part of fixed) expect(text).toContain(part)
      }),
    )
  })

  it('keeps digits digits, and hexadecimal ones hexadecimal', () => {
    expect(changeCharacter('9', 0)?.text).toBe('0')
    expect(changeCharacter('f', 0)?.text).toBe('a')
    expect(changeCharacter('z', 0)?.text).toBe('g')
    expect(changeCharacter('Z', 0)?.text).toBe('A')
  })

  it('has nothing to change in what has no letters and digits', () => {
    expect(changeCharacter('', 0)).toBeNull()
    expect(changeCharacter('~=-_', 0.5)).toBeNull()
  })
})

describe('what a token says', () => {
  it('is told with times as a person reads them, and without what it leaves out', () => {
    const fields = fieldsOf({
      format: 'managed',
      kind: 'access',
      fields: { id: 'x', kind: 'managed', name: null, createdAtMs: 1_700_000_000_000 },
    })
    expect(fields.map(({ name }) => name)).toEqual(['id', 'createdAtMs'])
    expect(fields[1]?.value).toContain('2023')
  })

  it.each([
    ['edgeauth', { acl: '%2fa%2f*!/b' }, '/a/*  or  /b'],
    ['ectoken', { ec_ref_allow: ['a.example', ''] }, 'a.example, missing'],
    ['timed', { referrer: 'example.com' }, 'example.com'],
  ] as const)('is readable in %s', (format, given, value) => {
    const [field] = fieldsOf({ format, kind: 'access', fields: given })
    expect(field?.value).toBe(value)
    expect(field?.meaning).not.toContain('Unknown')
  })

  it('is nothing where nobody can open it', () => {
    expect(fieldsOf({ format: 'ectoken', kind: 'access', fields: null })).toEqual([])
    expect(titleOf({ format: 'edgeauth', kind: 'session', fields: null })).toBe(
      'EdgeAuth 2.0 session token',
    )
  })
})

describe('what went wrong', () => {
  const problem = { path: 'format', message: 'no more room' }

  it.each([
    [new SiteError(0), [], 'does not answer'],
    [new SiteError(500), [], 'answered 500'],
    [new SiteError(422, null, [problem]), [problem], 'format: no more room.'],
  ] as const)('is said below the form: %s', (error, unsaid, text) => {
    expect(describeFailure(error, unsaid)).toContain(text)
  })

  it('is not said twice', () => {
    expect(describeFailure(new SiteError(422, null, [problem]), [])).toBe('')
  })
})
