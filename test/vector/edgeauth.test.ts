import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { edgeauth, type VerifyOptions } from '../../server/token/edgeauth.ts'
import type { LocateOptions } from '../../server/token/edgeauth-locate.ts'
import type { MintOptions } from '../../server/token/edgeauth-mint.ts'

interface VectorBase {
  readonly id: string
  readonly name: string
  readonly class: 'must-match' | 'must-accept' | 'must-reject' | 'must-error' | 'either'
}

interface GenerateVector extends VectorBase {
  readonly kind: 'generate'
  readonly input: MintOptions
  readonly expected:
    | { readonly token: string }
    | { readonly byEscapeProfile: Readonly<Record<'akamai-node' | 'akamai-python', string>> }
    | { readonly error: true }
}

interface VerifyVector extends VectorBase {
  readonly kind: 'verify'
  readonly input: VerifyOptions & { readonly token: string }
  readonly expected: { readonly valid: boolean; readonly reason?: string }
}

interface LocateVector extends VectorBase {
  readonly kind: 'locate'
  readonly input: LocateOptions
  readonly expected: object
}

type Vector = GenerateVector | VerifyVector | LocateVector

const vectors: Vector[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'edgeauth.json'), 'utf8'),
)

/** The token, or null for a refusal. Anything but the promised kind of error fails the test. */
function mintOrRefuse(options: MintOptions): string | null {
  try {
    return edgeauth.mint(options)
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    return null
  }
}

function checkGenerate({ class: binding, input, expected }: GenerateVector): void {
  if ('error' in expected) {
    expect(mintOrRefuse(input)).toBeNull()
    return
  }
  const wanted: readonly (readonly [MintOptions, string])[] =
    'token' in expected
      ? [[input, expected.token]]
      : [
          [input, expected.byEscapeProfile['akamai-node']],
          [{ ...input, escapeProfile: 'akamai-node' }, expected.byEscapeProfile['akamai-node']],
          [{ ...input, escapeProfile: 'akamai-python' }, expected.byEscapeProfile['akamai-python']],
        ]
  for (const [options, token] of wanted) {
    const made = mintOrRefuse(options)
    if (binding === 'either' && made === null) continue
    expect(made).toBe(token)
  }
}

function checkVerify({ class: binding, input, expected }: VerifyVector): void {
  const { token, ...options } = input
  const result = edgeauth.verify(token, options)
  if (binding === 'either' && !result.valid && expected.valid) return
  const { valid, ...rest } = result
  expect('reason' in rest ? { valid, reason: rest.reason } : { valid }).toEqual(expected)
}

function checkLocate({ class: binding, input, expected }: LocateVector): void {
  const result = edgeauth.locate(input)
  if (binding === 'either' && ('error' in result || ('token' in result && result.token === null)))
    return
  expect(result).toEqual(expected)
}

describe('the published EdgeAuth vectors', () => {
  it('are all there', () => {
    expect(vectors).toHaveLength(293)
  })

  it.each(vectors)('$id $kind ($class): $name', (vector) => {
    if (vector.kind === 'generate') checkGenerate(vector)
    else if (vector.kind === 'verify') checkVerify(vector)
    else checkLocate(vector)
  })
})
