const questionMark = 63

/** Does `pattern.slice(from, to)`, which holds no star, fit the text at that place? */
export function fitsAt(
  pattern: string,
  from: number,
  to: number,
  text: string,
  at: number,
): boolean {
  for (let index = from; index < to; index += 1) {
    const wanted = pattern.charCodeAt(index)
    if (wanted !== questionMark && wanted !== text.charCodeAt(at + index - from)) return false
  }
  return true
}

const bitsPerWord = 31

/** For each character of the chunk, the positions where it fits, as bits; question marks fit all. */
function positionsByCharacter(chunk: string, words: number) {
  const anyCharacter = new Int32Array(words)
  const positions = new Map<number, Int32Array>()
  const mark = (mask: Int32Array, index: number) => {
    const word = Math.floor(index / bitsPerWord)
    mask[word] = (mask[word] ?? 0) | (1 << (index % bitsPerWord))
  }
  for (let index = 0; index < chunk.length; index += 1) {
    if (chunk.charCodeAt(index) === questionMark) mark(anyCharacter, index)
  }
  for (let index = 0; index < chunk.length; index += 1) {
    const code = chunk.charCodeAt(index)
    if (code === questionMark) continue
    let mask = positions.get(code)
    if (mask === undefined) {
      mask = anyCharacter.slice()
      positions.set(code, mask)
    }
    mark(mask, index)
  }
  return { anyCharacter, positions }
}

/**
 * The end of the leftmost place in `text`, between `from` and `to`, where the chunk (no stars in it) fits;
 * -1 when there is none.
 *
 * Bit-parallel search (Baeza-Yates and Gonnet 1992): all beginnings of the chunk that fit so far are kept
 * as bits, so each character of the text is read once and costs one step per 31 characters of the chunk.
 * Trying each place in turn would let a path of one repeated letter cost the product of both lengths.
 */
export function findChunk(chunk: string, text: string, from: number, to: number): number {
  if (chunk === '') return from
  const words = Math.ceil(chunk.length / bitsPerWord)
  const { anyCharacter, positions } = positionsByCharacter(chunk, words)
  const fitting = new Int32Array(words)
  const lastBit = 1 << ((chunk.length - 1) % bitsPerWord)
  for (let at = from; at < to; at += 1) {
    const mask = positions.get(text.charCodeAt(at)) ?? anyCharacter
    let carry = 1
    for (let word = 0; word < words; word += 1) {
      const before = fitting[word] ?? 0
      const shifted = (before << 1) | carry
      // The bit that leaves this word begins the next one.
      carry = (before >>> (bitsPerWord - 1)) & 1
      fitting[word] = shifted & (mask[word] ?? 0)
    }
    if (((fitting[words - 1] ?? 0) & lastBit) !== 0) return at + 1
  }
  return -1
}
