import { describe, expect, it } from 'vitest'
import { ectoken } from '../../../server/token/ectoken.ts'
import { mintEdgeauth } from '../../../server/token/edgeauth-mint.ts'
import { refuseUnknown } from '../../../server/token/refuse-unknown.ts'
import { timed } from '../../../server/token/timed.ts'
import { OptionError } from '../../../shared/codes.ts'

const known = { ip: true, subject: true, referrer: true, path: true } as const
const refuse = (options: object) => () => refuseUnknown(options as object, known as never)

describe('unknown options', () => {
  it.each([
    ['clientIp', 'ip'],
    ['IP', 'ip'],
    ['clientIP', 'ip'],
    ['name', 'subject'],
    ['referer', 'referrer'],
    ['paths', 'path'],
  ])('say what %s is called here: %s', (name, right) => {
    expect(refuse({ [name]: 'x' })).toThrow(OptionError)
    expect(refuse({ [name]: 'x' })).toThrow(
      new RegExp(`^${name}: unknown option: here it is called ${right}$`),
    )
  })

  it.each(['relm', 'ttl', '__proto__', 'constructor'])('guess nothing of %s', (name) => {
    const options = Object.fromEntries([[name, 1]])
    expect(refuse(options)).toThrow(new RegExp(`^${name}: unknown option$`))
  })

  it('are all named, without values too, and known ones without values are fine', () => {
    expect(refuse({ relm: undefined, ip: undefined, x: 1 })).toThrow(
      'relm: unknown option\nx: unknown option',
    )
    expect(refuse({ ip: undefined, path: undefined })).not.toThrow()
  })
})

describe('making tokens', () => {
  const key = '5f1c9a04e7d83b626a4f90bb1d27c35e'

  it.each<[string, () => string, string]>([
    [
      'edgeauth.mint',
      () =>
        mintEdgeauth({
          ...({ mode: 'acl', path: '/*', key, endTime: 9 } as const),
          ...{ clientIp: '1.2.3.4' },
        }),
      'clientIp: unknown option: here it is called ip',
    ],
    [
      'ectoken.seal',
      () => ectoken.seal({ ec_expire: 9 }, { key, ...{ nonce: 'ff'.repeat(12) } }),
      'nonce: unknown option: here it is called iv',
    ],
    [
      'timed.mint',
      () => timed.mint({ lifeSeconds: 60, ...{ referer: 'a.example' } }, { key }),
      'referer: unknown option: here it is called referrer',
    ],
    [
      'timed.mint, beside the key',
      () => timed.mint({ lifeSeconds: 60 }, { key, ...{ clientIp: '1.2.3.4' } }),
      'clientIp: unknown option',
    ],
  ])('refuses what it would not heed: %s', (_what, make, message) => {
    expect(make).toThrow(OptionError)
    expect(make).toThrow(message)
  })
})
