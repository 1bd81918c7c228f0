import { fromByteText } from './byte-text.ts'

/** Skeletons remembered, each for one length of token. Lengths vary with the ACL, hardly within one. */
const maxSkeletons = 4

interface Skeleton {
  /** A finished copy but for the tokens. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where a token begins. */
  readonly offsets: Uint32Array
}

/**
 * Constant bytes with places for one token, which is the same in all of them. A copy for one session costs
 * one allocation, one copy and one write a place (spec/performance section 2).
 */
export class Template {
  /** The constant pieces; the token goes between each two of them. */
  readonly pieces: readonly Uint8Array[]
  readonly #skeletons = new Map<number, Skeleton>()

  /** @param pieces byte text */
  constructor(pieces: readonly string[]) {
    const bytes = fromByteText(pieces.join(''))
    let at = 0
    this.pieces = pieces.map(({ length }) => {
      const from = at
      at += length
      return bytes.subarray(from, at)
    })
  }

  get placeCount(): number {
    return this.pieces.length - 1
  }

  /** The copy for one token, in memory of its own. */
  render(token: Uint8Array): Uint8Array<ArrayBuffer> {
    const { bytes, offsets } = this.#skeleton(token.length)
    const copy = bytes.slice()
    for (const offset of offsets) copy.set(token, offset)
    return copy
  }

  #skeleton(tokenLength: number): Skeleton {
    const remembered = this.#skeletons.get(tokenLength)
    if (remembered !== undefined) return remembered
    const made = this.#makeSkeleton(tokenLength)
    const [oldest] = this.#skeletons.keys()
    if (this.#skeletons.size === maxSkeletons && oldest !== undefined) {
      this.#skeletons.delete(oldest)
    }
    this.#skeletons.set(tokenLength, made)
    return made
  }

  #makeSkeleton(tokenLength: number): Skeleton {
    const constant = this.pieces.reduce((sum, piece) => sum + piece.length, 0)
    const bytes = new Uint8Array(constant + this.placeCount * tokenLength)
    const offsets = new Uint32Array(this.placeCount)
    let at = 0
    this.pieces.forEach((piece, index) => {
      bytes.set(piece, at)
      at += piece.length
      if (index === this.placeCount) return
      offsets[index] = at
      at += tokenLength
    })
    return { bytes, offsets }
  }
}
