import type { KeyObject } from 'node:crypto'
import { OptionError } from '../../shared/codes.ts'
import { remoteSigningKey } from '../token/remote-signature.ts'

/** `signature.secret` of an entry; `null` where there is none, or none that is good. */
export function judgeSecret(
  secret: string | undefined,
  readSecret: (text: string) => string,
  complain: (path: string, message: string) => void,
): KeyObject | null {
  if (secret === undefined) return null
  try {
    return remoteSigningKey(readSecret(secret), 'signature.secret')
  } catch (error) {
    if (error instanceof OptionError) {
      for (const { path, message } of error.problems) complain(path, message)
    } else complain('signature.secret', error instanceof Error ? error.message : String(error))
    return null
  }
}
