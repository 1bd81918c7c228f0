/** A stretch as it is written, and what it stands for: a variable reference, a JSON escape, or itself. */
export interface Piece {
  readonly source: string
  readonly text: string
}

/**
 * A URI in its two forms at once. Decisions are made on `text`, with variables expanded and escapes
 * read; what is written back is `source`, so that everything the decision did not touch keeps its bytes.
 */
export class MappedText {
  readonly pieces: readonly Piece[]
  /** What it says. */
  readonly text: string
  /** Where in `text` each piece begins; made when first needed. */
  #starts: readonly number[] | undefined

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces
    const [only] = pieces
    this.text =
      only !== undefined && pieces.length === 1 ? only.text : pieces.map((p) => p.text).join('')
  }

  /** Text that stands for itself. */
  static literal(text: string): MappedText {
    return new MappedText([{ source: text, text }])
  }

  static join(parts: readonly MappedText[]): MappedText {
    return new MappedText(parts.flatMap((part) => part.pieces))
  }

  /** How it is written. */
  get source(): string {
    return this.pieces.map((piece) => piece.source).join('')
  }

  /** Is the text the same as its writing? */
  get isLiteral(): boolean {
    return this.pieces.every((piece) => piece.source === piece.text)
  }

  /**
   * The part `[from, to)` of the text. A reference that is cut in two is written out: its halves cannot be
   * referred to.
   */
  slice(from: number, to = this.text.length): MappedText {
    const kept: Piece[] = []
    for (let index = this.#pieceAt(from); from < to && index < this.pieces.length; index++) {
      const piece = this.pieces[index] as Piece
      const start = this.#startOf(index)
      const end = start + piece.text.length
      if (start > to) break
      // An empty variable belongs to the part it ends.
      const isBefore = start === end && start === from && from > 0
      if (start >= from && end <= to && !isBefore) kept.push(piece)
      else if (end > from && start < to) {
        const half = piece.text.slice(Math.max(from - start, 0), to - start)
        kept.push({ source: half, text: half })
      }
    }
    return new MappedText(kept)
  }

  /** The first piece that ends at or behind a place: found by halving, as a URI may have thousands. */
  #pieceAt(place: number): number {
    let low = 0
    let high = this.pieces.length
    while (low < high) {
      const middle = (low + high) >> 1
      const end = this.#startOf(middle) + (this.pieces[middle] as Piece).text.length
      if (end < place) low = middle + 1
      else high = middle
    }
    return low
  }

  #startOf(index: number): number {
    if (this.#starts === undefined) {
      let at = 0
      this.#starts = this.pieces.map(({ text }) => {
        const start = at
        at += text.length
        return start
      })
    }
    return this.#starts[index] as number
  }
}
