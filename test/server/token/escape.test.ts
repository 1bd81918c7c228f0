import { describe, expect, it } from 'vitest'
import { escapeEarly, isEscapeProfile } from '../../../server/token/escape.ts'

/** The table of spec/token-formats section 1.3: character, akamai-node, akamai-python. */
const table = [
  ['aZ09-_.', 'aZ09-_.', 'aZ09-_.'],
  [' ', '%20', '+'],
  ['~', '%7e', '~'],
  ['!', '!', '%21'],
  ['(', '(', '%28'],
  [')', ')', '%29'],
  ['*', '%2a', '%2a'],
  ["'", '%27', '%27'],
  ['/', '%2f', '%2f'],
  ['+', '%2b', '%2b'],
  ['%2F', '%252F', '%252F'],
  ['"#$&,:;<=>', '%22%23%24%26%2c%3a%3b%3c%3d%3e', '%22%23%24%26%2c%3a%3b%3c%3d%3e'],
  ['?@[\\]^`{|}', '%3f%40%5b%5c%5d%5e%60%7b%7c%7d', '%3f%40%5b%5c%5d%5e%60%7b%7c%7d'],
  ['\n\u007f', '%0a%7f', '%0a%7f'],
  ['é안🎬', '%c3%a9%ec%95%88%f0%9f%8e%ac', '%c3%a9%ec%95%88%f0%9f%8e%ac'],
] as const

describe('escapeEarly', () => {
  it.each(table)('writes %j as %s like Node and as %s like Python', (text, node, python) => {
    expect(escapeEarly(text, 'akamai-node')).toBe(node)
    expect(escapeEarly(text, 'akamai-python')).toBe(python)
  })

  it('has no form for half a surrogate pair', () => {
    expect(() => escapeEarly('\ud800', 'akamai-node')).toThrow(URIError)
  })
})

describe('isEscapeProfile', () => {
  it.each([
    ['akamai-node', true],
    ['akamai-python', true],
    ['node', false],
    ['toString', false],
    ['', false],
    [undefined, false],
  ])('of %s: %s', (value, wanted) => {
    expect(isEscapeProfile(value)).toBe(wanted)
  })
})
