import type { KeyObject } from 'node:crypto'
import { type EctokenParams, parseParams } from './ectoken-params.ts'
import { openText } from './seal.ts'
import { proven, type Verified } from './verified.ts'

/** A token that one of the keys opened. */
export interface OpenedEctoken {
  /** What was sealed. */
  readonly plaintext: string
  /** What it demands; null when it is no list of known parameters: nothing meets such demands. */
  readonly params: Verified<EctokenParams> | null
  /** Which key opened it: 0 the primary, 1 the backup key. */
  readonly keyIndex: number
}

/** Opens an ectoken with each key in turn; null where none fits, for whatever reason. Throws for no token. */
export function openEctoken(keys: readonly KeyObject[], token: string): OpenedEctoken | null {
  for (const [keyIndex, key] of keys.entries()) {
    const plaintext = openText(key, token)
    if (plaintext === null) continue
    const params = parseParams(plaintext)
    return { plaintext, params: params === null ? null : proven(params), keyIndex }
  }
  return null
}
