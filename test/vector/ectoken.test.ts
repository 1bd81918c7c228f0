import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CheckRequest, ectoken } from '../../server/token/ectoken.ts'
import type { EctokenLocateOptions } from '../../server/token/ectoken-locate.ts'
import type { SerializeOptions } from '../../server/token/ectoken-serialize.ts'

interface VectorBase {
  readonly id: string
  readonly name: string
  readonly class: 'must-accept' | 'must-reject' | 'either'
}

interface DecryptVector extends VectorBase {
  readonly kind: 'decrypt'
  readonly key: string
  readonly token: string
  readonly iv?: string
  readonly expected: { readonly valid: boolean; readonly plaintext?: string }
}

interface PolicyVector extends VectorBase {
  readonly kind: 'policy'
  readonly params: string
  readonly request: CheckRequest
  readonly expected: { readonly allow: boolean }
}

interface LocateVector extends VectorBase {
  readonly kind: 'locate'
  readonly input: EctokenLocateOptions
  readonly expected: { readonly token: string | null; readonly rest?: string }
}

interface SerializeVector extends VectorBase {
  readonly kind: 'serialize'
  readonly input: SerializeOptions
  readonly expected: { readonly text: string }
}

type Vector = DecryptVector | PolicyVector | LocateVector | SerializeVector

const vectors: Vector[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'ectoken.json'), 'utf8'),
)

/** What was made, or null for a refusal. Anything but the promised kind of error fails the test. */
function textOrRefusal(make: () => string): string | null {
  try {
    return make()
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    return null
  }
}

function checkDecrypt({ class: binding, key, token, iv, expected }: DecryptVector): void {
  const opened = ectoken.open(token, { keys: [key] })
  if (!(binding === 'either' && !opened.valid)) {
    const { valid, ...rest } = opened
    const plaintext = 'plaintext' in rest ? { plaintext: rest.plaintext } : {}
    expect({ valid, ...plaintext }).toEqual(expected)
  }
  if (iv === undefined) return
  const sealed = textOrRefusal(() => ectoken.seal(expected.plaintext ?? '', { key, iv }))
  if (!(binding === 'either' && sealed === null)) expect(sealed).toBe(token)
}

function checkPolicy({ class: binding, params, request, expected }: PolicyVector): void {
  const { allow } = ectoken.check(params, request)
  if (binding === 'either' && !allow) return
  expect({ allow }).toEqual(expected)
}

function checkLocate({ class: binding, input, expected }: LocateVector): void {
  const result = ectoken.locate(input)
  if (binding === 'either' && ('error' in result || result.token === null)) return
  expect(result).toEqual(expected)
}

function checkSerialize({ class: binding, input, expected }: SerializeVector): void {
  const text = textOrRefusal(() => ectoken.serialize(input))
  if (binding === 'either' && text === null) return
  expect(text).toBe(expected.text)
}

describe('the published ectoken vectors', () => {
  it('are all there', () => {
    expect(vectors).toHaveLength(203)
  })

  it.each(vectors)('$id $kind ($class): $name', (vector) => {
    if (vector.kind === 'decrypt') checkDecrypt(vector)
    else if (vector.kind === 'policy') checkPolicy(vector)
    else if (vector.kind === 'locate') checkLocate(vector)
    else checkSerialize(vector)
  })

  // What the class `either` leaves open, as decided in spec/token-formats section 2.
  it.each([
    ['ec-0299', true],
    ['ec-0308', true],
    ['ec-0329', true],
    ['ec-0271', true],
    ['ec-0279', false],
    ['ec-0333', false],
    ['ec-0338', false],
    ['ec-0341', false],
    ['ec-0343', false],
  ])('decide %s: allow %s', (id, allow) => {
    const vector = vectors.find((candidate) => candidate.id === id)
    if (vector?.kind !== 'policy') throw new Error(`no policy vector ${id}`)
    expect(ectoken.check(vector.params, vector.request).allow).toBe(allow)
  })
})
