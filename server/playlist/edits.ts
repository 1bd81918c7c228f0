import type { Span } from './byte-text.ts'
import type { Placed } from './destination.ts'

/** A stretch of the document and what stands there instead. */
export interface Edit extends Span {
  readonly placed: Placed
}

/**
 * The document with its edits, as constant texts with a token between each two of them.
 *
 * @param edits in order, not overlapping
 */
export function applyEdits(text: string, edits: readonly Edit[]): string[] {
  const pieces: string[] = []
  let constant = ''
  let done = 0
  for (const { from, to, placed } of edits) {
    constant += text.slice(done, from)
    placed.forEach((part, index) => {
      if (index > 0) {
        pieces.push(constant)
        constant = ''
      }
      constant += part
    })
    done = to
  }
  pieces.push(constant + text.slice(done))
  return pieces
}
