/** Bytes of a text with one character (U+0000 to U+00FF) a byte. */
export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** The inverse of `bytes`. */
export function text(body: Uint8Array): string {
  return Buffer.from(body).toString('latin1')
}
