import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type CheckRequest, ectoken } from '../../../server/token/ectoken.ts'
import { type EctokenParams, parseParams } from '../../../server/token/ectoken-params.ts'
import { type EctokenInput, serializeParams } from '../../../server/token/ectoken-serialize.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e93b07ac41de8562fa90c37de64f1b825'
const keys = [key]

const wellFormed = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
const sealed = wellFormed.map((text) => Buffer.from(ectoken.seal(text, { key }), 'base64url'))
const isRefused = (bytes: Uint8Array) =>
  !ectoken.open(Buffer.from(bytes).toString('base64url'), { keys }).valid

const listNames = [
  'ec_country_allow',
  'ec_country_deny',
  'ec_url_allow',
  'ec_host_allow',
  'ec_host_deny',
  'ec_ref_allow',
  'ec_ref_deny',
  'ec_proto_allow',
  'ec_proto_deny',
] as const

/** Likely entries, hostile ones, and anything else. */
const entry = fc.oneof(
  fc.constantFrom(
    'US',
    'fr',
    '/vod/',
    '/',
    'a.example',
    '*.b.example',
    'a.example/x',
    'missing',
    '',
  ),
  fc.constantFrom(
    'http',
    'https',
    '/a&ec_expire=9999999999',
    '/a,/',
    '10.0.0.1',
    '10.0.0.0/8',
    '=',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const anyParams = fc.record(
  {
    ec_expire: fc.oneof(fc.integer(), fc.maxSafeNat(), entry),
    ec_clientip: fc.oneof(fc.ipV4(), fc.ipV6(), entry),
    ...Object.fromEntries(
      listNames.map((name) => [name, fc.oneof(entry, fc.array(entry, { maxLength: 4 }))]),
    ),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<EctokenInput>

/** What serializes, or null. Anything but a TypeError fails the property. */
function writeOrRefuse(params: EctokenInput): string | null {
  try {
    return serializeParams(params)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

const chunk = fc.oneof(
  fc.constantFrom(
    '&',
    '=',
    ',',
    'ec_expire',
    'ec_secure',
    'ec_clientip',
    '1700000000',
    ...listNames,
  ),
  entry,
)
const tokenText = fc.oneof(
  fc.array(chunk, { maxLength: 12 }).map((chunks) => chunks.join('')),
  fc
    .array(fc.tuple(fc.constantFrom('ec_expire', 'ec_clientip', ...listNames), entry))
    .map((pairs) => pairs.map((pair) => pair.join('=')).join('&')),
)
const anyRequest = fc.record({
  now: fc.oneof(fc.double(), fc.maxSafeNat(), fc.constant(undefined)),
  path: fc.oneof(fc.webPath(), fc.string({ unit: 'binary' }), fc.anything()),
  host: fc.oneof(fc.domain(), fc.anything()),
  proto: fc.oneof(fc.constantFrom('http', 'https'), fc.anything()),
  clientIp: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.anything()),
  country: fc.oneof(fc.constantFrom('US', 'FR', null), fc.anything()),
  referrer: fc.oneof(fc.webUrl(), fc.string({ unit: 'binary' }), fc.anything()),
}) as fc.Arbitrary<CheckRequest>

describe('ectokens, whatever is sealed', () => {
  it('open to the text that was sealed', () => {
    fc.assert(
      fc.property(wellFormed, fc.string({ unit: 'grapheme', minLength: 1 }), (text, phrase) => {
        const opened = ectoken.open(ectoken.seal(text, { key: phrase }), { keys: [key, phrase] })
        return opened.valid && opened.plaintext === text
      }),
    )
  })

  it('are refused with any byte changed', () => {
    fc.assert(
      fc.property(sealed, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, mask) => {
        const changed = Uint8Array.from(bytes)
        const index = at % bytes.length
        changed[index] = (changed[index] ?? 0) ^ mask
        return isRefused(changed)
      }),
    )
  })

  it('are refused when cut at any place, at either end', () => {
    fc.assert(
      fc.property(sealed, (bytes) => {
        const cuts = Array.from({ length: bytes.length }, (_, index) => index)
        return cuts.every(
          (cut) =>
            isRefused(bytes.subarray(0, cut)) && (cut === 0 || isRefused(bytes.subarray(cut))),
        )
      }),
      { numRuns: 25 },
    )
  })

  it('are refused with any character changed, put in or left out', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(1), fc.string({ unit: 'binary', maxLength: 2 }))
    fc.assert(
      fc.property(sealed, edit, (bytes, [place, removed, added]) => {
        const token = bytes.toString('base64url')
        const at = place % token.length
        const edited = token.slice(0, at) + added + token.slice(at + removed)
        return edited === token || !ectoken.open(edited, { keys }).valid
      }),
      { numRuns: 1000 },
    )
  })

  it('are refused under another key, and nothing opens by chance', () => {
    fc.assert(
      fc.property(sealed, fc.string(), fc.uint8Array({ maxLength: 80 }), (bytes, text, noise) => {
        const token = bytes.toString('base64url')
        return (
          !ectoken.open(token, { keys: [`${key}x`] }).valid &&
          !ectoken.open(text, { keys }).valid &&
          isRefused(noise)
        )
      }),
    )
  })
})

describe('parameters, whatever their values', () => {
  // Threat T10: what is read is what was given, or nothing was made.
  it('write no other parameter', () => {
    fc.assert(
      fc.property(anyParams, (params) => {
        const text = writeOrRefuse(params)
        if (text === null) return true
        const given = Object.keys(params).sort()
        const read = parseParams(text)
        if (text === '') return given.length === 0
        return read !== null && Object.keys(read).sort().join() === given.join()
      }),
      { numRuns: 2000 },
    )
  })

  it('come back as they were, and are written the same again', () => {
    const names = { unit: fc.constantFrom(...'abcXYZ019-'), minLength: 1, maxLength: 8 }
    const host = fc.array(fc.string(names), { minLength: 1, maxLength: 3 }).map((l) => l.join('.'))
    const pattern = fc.oneof(
      host,
      host.map((text) => `*.${text}`),
    )
    const listOf = (one: fc.Arbitrary<string>) => fc.array(one, { minLength: 1, maxLength: 4 })
    const countries = fc.constantFrom('US', 'us', 'Ru', 'FR', 'EU', 'ap')
    const good: fc.Arbitrary<EctokenInput> = fc.record(
      {
        ec_expire: fc.integer({ min: 1, max: 999_999_999_999 }),
        ec_country_allow: listOf(countries),
        ec_url_allow: listOf(fc.webPath().map((path) => `/${path.replaceAll(/[,&]/g, '')}`)),
        ec_host_deny: listOf(pattern),
        ec_ref_allow: listOf(
          fc.oneof(
            pattern,
            pattern.map((text) => `${text}/x`),
            fc.constant('missing'),
          ),
        ),
        ec_clientip: fc.oneof(fc.ipV4(), fc.ipV6()),
        ec_proto_allow: listOf(fc.constantFrom('http', 'https')),
      },
      { requiredKeys: ['ec_expire'] },
    )
    fc.assert(
      fc.property(good, (params) => {
        const text = serializeParams(params)
        const opened = ectoken.open(ectoken.seal(params, { key }), { keys })
        if (!opened.valid || opened.plaintext !== text || opened.params === null) return false
        return serializeParams(opened.params) === text
      }),
    )
  })

  it('that opened are judged as their text is', () => {
    fc.assert(
      fc.property(tokenText, anyRequest, (text, request) => {
        const params: EctokenParams | null = parseParams(text)
        if (params === null) return !ectoken.check(text, request).allow
        return ectoken.check(params, request).allow === ectoken.check(text, request).allow
      }),
      { numRuns: 2000 },
    )
  })
})

describe('ectoken.check', () => {
  it('never throws', () => {
    const policy = fc.record({ ignoreCase: fc.boolean(), allowUnrestricted: fc.boolean() })
    fc.assert(
      fc.property(
        fc.oneof(tokenText, fc.string({ unit: 'binary' }), fc.anything()),
        anyRequest,
        policy,
        (params, request, chosen) => {
          const { allow } = ectoken.check(params as string, request, chosen)
          return typeof allow === 'boolean'
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('allows nothing that one more demand would not also have allowed', () => {
    fc.assert(
      fc.property(tokenText, tokenText, anyRequest, (one, other, request) => {
        const allows = (text: string) =>
          ectoken.check(text, request, { allowUnrestricted: true }).allow
        // An allow list outrules a deny list, so only tokens without one are compared.
        if (/_deny=/.test(one + other) || !allows(`${one}&${other}`)) return true
        return allows(one) && allows(other)
      }),
      { numRuns: 2000 },
    )
  })
})
