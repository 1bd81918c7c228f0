import { randomBytes } from 'node:crypto'

/** A fresh key: 32 random bytes in hexadecimal. */
export function keyNew(): string {
  return randomBytes(32).toString('hex')
}
