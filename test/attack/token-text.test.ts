import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hmacDigits } from '../../server/token/algorithm.ts'
import { edgeauth, type VerifyOptions } from '../../server/token/edgeauth.ts'
import { signedText } from '../../server/token/signed-text.ts'
import { parseTokenText } from '../../shared/token-text.ts'

const key = '5f1c9a04e7d83b626a4f90bb1d27c35e'
const now = 1_700_000_000
const options: VerifyOptions = { path: '/vod/a.m3u8', clientIp: '10.0.0.1', now, keys: [key] }
const good = edgeauth.mint({
  mode: 'acl',
  path: '/vod/*',
  key,
  startTime: now - 5,
  endTime: now + 60,
  ip: '10.0.0.1',
  sessionId: 'abc',
  payload: 'x,y',
})

/** Signs whatever text an attacker, or a careless issuer, could get signed. */
function signed(fields: string, signedAs = fields, algorithm = 'sha256'): string {
  const mac = createHmac(algorithm, Buffer.from(key, 'hex')).update(signedAs).digest('hex')
  return `${fields}~hmac=${mac}`
}

function reasonOf(token: string, change: Partial<VerifyOptions> = {}): string {
  const result = edgeauth.verify(token, { ...options, retryDecoded: true, ...change })
  return result.valid ? 'valid' : result.reason
}

describe('a token that was tampered with', () => {
  it('is good to begin with', () => {
    expect(reasonOf(good)).toBe('valid')
    expect(reasonOf(signed('exp=1800000000~acl=/vod/*'))).toBe('valid')
  })

  it('is refused whichever bit of it was flipped', () => {
    for (let at = 0; at < good.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = String.fromCharCode(good.charCodeAt(at) ^ (1 << bit))
        const forged = good.slice(0, at) + flipped + good.slice(at + 1)
        expect(['malformed', 'bad_signature']).toContain(reasonOf(forged))
      }
    }
  })

  it('is refused whichever byte is missing, doubled or moved', () => {
    for (let at = 0; at < good.length; at += 1) {
      const [before, after] = [good.slice(0, at), good.slice(at)]
      const variants = [before, after, before + after.slice(1), before + after.charAt(0) + after]
      for (const forged of [...variants, `${before} ${after}`, after + before]) {
        if (forged !== good) expect(['malformed', 'bad_signature']).toContain(reasonOf(forged))
      }
    }
  })

  it.each([0, 1, 2, 31, 32, 40, 62, 63, 65, 66, 128])(
    'answers an hmac of %d digits like any other malformed text',
    (digits) => {
      const fields = good.slice(0, good.lastIndexOf('~'))
      const mac = good.slice(-64).repeat(2).slice(0, digits)
      expect(reasonOf(`${fields}~hmac=${mac}`)).toBe('malformed')
    },
  )
})

describe('a well-signed token', () => {
  it.each(['sha1', 'md5'])(
    'of the weaker %s is refused where SHA-256 is configured',
    (algorithm) => {
      const token = signed('exp=1800000000~acl=/*', undefined, algorithm)
      expect(reasonOf(token, { algorithm })).toBe('valid')
      expect(reasonOf(token)).toBe('malformed')
      // Nor can a configured weaker hash be read out of a longer value, or the reverse.
      expect(reasonOf(good, { algorithm })).toBe('malformed')
    },
  )

  it.each([
    ['no end', 'acl=/*'],
    ['an empty end', 'exp=~acl=/*'],
    ['an end in another notation', 'exp=6e+39~acl=/*'],
    ['an end with a leading zero', 'exp=01800000000~acl=/*'],
    ['an empty ACL', 'exp=1800000000~acl='],
    ['a second ACL', 'exp=1800000000~acl=/x~acl=/*'],
    ['a second ACL behind the payload', 'exp=1800000000~acl=/x~data=y~acl=/*'],
    ['a second end', 'exp=1~exp=1800000000~acl=/*'],
    ['fields out of order', 'acl=/*~exp=1800000000'],
    ['an unknown field', 'exp=1800000000~acl=/*~admin=1'],
    ['an empty payload', 'exp=1800000000~acl=/*~data='],
    ['an empty id', 'exp=1800000000~acl=/*~id='],
    ['a second hmac', `exp=1800000000~acl=/*~hmac=${'a'.repeat(64)}`],
    ['a URL in it', 'exp=1800000000~url=/vod/a.m3u8'],
    ['a URL and an ACL', 'exp=1800000000~acl=/*~url=/vod/a.m3u8'],
  ])('with %s is refused', (_, fields) => {
    expect(reasonOf(signed(fields))).toBe('malformed')
  })

  it('without ACL opens nothing but its URL', () => {
    expect(reasonOf(signed('exp=1800000000'))).toBe('bad_signature')
    const token = signed('exp=1800000000', 'exp=1800000000~url=/vod/a.m3u8')
    expect(reasonOf(token)).toBe('valid')
    expect(reasonOf(token, { path: '/vod/b.m3u8' })).toBe('bad_signature')
  })
})

describe('a signature made for one thing', () => {
  it('does not serve as an ACL token when it was made for a URL', () => {
    // spec/token-formats section 1.9 no. 2: the path was chosen by an attacker.
    const text = 'exp=1800000000~url=/x~acl=/*'
    expect(reasonOf(signed('exp=1800000000', text), { path: '/x~acl=/*' })).toBe('valid')
    expect(reasonOf(signed(text))).toBe('malformed')
  })

  it('does not serve for a second URL', () => {
    const text = 'exp=1800000000~url=/u/evil~url=/secret'
    const token = signed('exp=1800000000~url=/u/evil', text)
    expect(reasonOf(token, { path: '/secret' })).toBe('malformed')
  })

  it('does not serve without its salt when the salt is written into the token', () => {
    const text = 'exp=1800000000~acl=/vod/*~salt=pepper'
    expect(reasonOf(signed('exp=1800000000~acl=/vod/*', text), { salt: 'pepper' })).toBe('valid')
    expect(reasonOf(signed(text))).toBe('malformed')
  })

  const value = fc.stringMatching(/^[!-~]{1,12}$/)
  const field = fc.constantFrom('ip', 'st', 'exp', 'acl', 'id', 'data', 'url', 'salt', 'hmac')
  const body = fc
    .array(fc.tuple(field, fc.oneof(value, fc.constant('1'))), { maxLength: 4 })
    .map((pairs) => ['exp=1', ...pairs.map(([name, text]) => `${name}=${text}`)].join('~'))

  it('is never the signed text of the other mode, whatever URL, ACL and fields are chosen', () => {
    const mac = `~hmac=${'a'.repeat(64)}`
    const parse = (text: string) => parseTokenText(text + mac, hmacDigits.sha256)
    fc.assert(
      fc.property(body, body, value, (forUrl, forAcl, url) => {
        const urlToken = parse(forUrl)
        const aclToken = parse(forAcl)
        const urlText = signedText({ fields: forUrl, url: `/${url}~acl=/*`, salt: '' })
        if (urlToken.ok && urlToken.fields.acl === undefined) {
          expect(parse(urlText).ok).toBe(false)
        }
        const aclText = signedText({ fields: forAcl, url: null, salt: '' })
        if (aclToken.ok && aclToken.fields.acl !== undefined) {
          expect(aclText).not.toContain('~url=')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('another spelling of a good token', () => {
  const mac = good.slice(-64)
  it.each([
    ['upper-case hexadecimal', good.replace(mac, mac.toUpperCase())],
    ['a blank behind it', `${good} `],
    ['a line feed behind it', `${good}\n`],
    ['a NUL behind it', `${good}\0`],
    ['a quote around it', `"${good}"`],
    ['encoded twice', encodeURIComponent(encodeURIComponent(good))],
    ['a byte order mark in front', `\ufeff${good}`],
    ['full-width digits', good.replace('exp=1', 'exp=１')],
    ['a plus for nothing', good.replace('st=', 'st=+')],
  ])('is refused: %s', (_, text) => {
    expect(['malformed', 'bad_signature']).toContain(reasonOf(text))
  })

  it.each([
    ['encoded whole', encodeURIComponent(good)],
    ['with encoded tildes', good.replaceAll('~', '%7E')],
    ['with every byte encoded', good.replace(/./gs, (c) => `%${c.charCodeAt(0).toString(16)}`)],
  ])('leads to the one text that was signed: %s', (_, text) => {
    const result = edgeauth.verify(text, { ...options, retryDecoded: true })
    expect(result).toMatchObject({ valid: true, token: good })
  })
})

describe('hostile text', () => {
  it('is refused, and never throws', () => {
    const piece = fc.constantFrom(
      ...[
        'exp=',
        'acl=',
        'hmac=',
        '~',
        '!',
        '*',
        '?',
        '%',
        '%7e',
        '%00',
        '=',
        '/vod/*',
        '1800000000',
      ],
      ...['a'.repeat(64), '\ud800', '\0', 'é', '__proto__=1', 'ip=::1', '&'],
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 10 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, fc.string(), (token, path) => {
        expect(reasonOf(token, { path: `/${path}` })).not.toBe('valid')
      }),
      { numRuns: 3000 },
    )
  })
})
