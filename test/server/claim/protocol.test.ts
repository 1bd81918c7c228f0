import { describe, expect, it } from 'vitest'
import { checkProtocol, parseProtocol } from '../../../server/claim/protocol.ts'

describe('checkProtocol', () => {
  it.each([
    [{ allow: ['https'] }, 'https', true],
    [{ allow: ['https'] }, 'HTTPS', true],
    [{ allow: ['https'] }, 'http', false],
    [{ allow: ['http', 'https'] }, 'http', true],
    [{ deny: ['http'] }, 'http', false],
    [{ deny: ['http'] }, 'https', true],
    [{ allow: ['http'], deny: ['http'] }, 'http', true],
    [{ deny: ['http'] }, 'ftp', false],
    [{ deny: ['http'] }, undefined, false],
  ])('%j, asked over %s: %s', (lists, proto, ok) => {
    expect(checkProtocol(lists, { proto }).ok).toBe(ok)
  })
})

describe('parseProtocol', () => {
  it.each(['', 'ftp', 'http:', 'httpſ'])('refuses %j', (text) => {
    expect(parseProtocol(text)).toBeNull()
  })
})
