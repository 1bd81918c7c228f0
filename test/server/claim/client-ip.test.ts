import { describe, expect, it } from 'vitest'
import { checkClientIp } from '../../../server/claim/client-ip.ts'

describe('checkClientIp', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '::ffff:10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['%3a%3affff%3a10.0.0.1', '10.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:DB8::AB', '2001:db8::ab'],
    ['%3a%3a1', '::1'],
  ])('lets a token for %s be used from %s', (ip, clientIp) => {
    expect(checkClientIp({ ip }, { clientIp })).toEqual({ ok: true })
  })

  it.each([
    ['10.0.0.1', '10.0.0.2'],
    ['10.0.0.1', '10.0.0.10'],
    ['10.0.0.1', undefined],
    ['10.0.0.1', ''],
    ['10.0.0.1', 'unknown'],
    ['10.0.0.0/8', '10.0.0.1'],
    ['10.0.0.', '10.0.0.1'],
    ['10.0.0.01', '10.0.0.1'],
    ['012.0.0.1', '10.0.0.1'],
    ['0xa.0.0.1', '10.0.0.1'],
    ['10.1', '10.0.0.1'],
    ['167772161', '10.0.0.1'],
    ['localhost', 'localhost'],
    ['::1', '127.0.0.1'],
    ['::10.0.0.1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25eth0', 'fe80::1'],
    ['fe80::1%25eth0', 'fe80::1%eth0'],
    ['%253a%253a1', '::1'],
    ['[::1]', '::1'],
  ])('refuses a token for %s from %s', (ip, clientIp) => {
    expect(checkClientIp({ ip }, { clientIp })).toMatchObject({ ok: false, reason: 'ip_mismatch' })
  })
})
