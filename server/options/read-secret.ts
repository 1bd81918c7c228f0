import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** Where `env:` and `file:` values are looked up. */
export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Relative file names are looked up below this directory: the configuration file's own. */
  readonly baseDirectory: string
}

/**
 * A secret as it is, or read from `env:NAME` or `file:PATH`. One line break at a file's end is dropped,
 * because editors and `echo` put it there.
 *
 * @throws {TypeError} saying what is missing, never what was read
 */
export function readSecret(text: string, { environment, baseDirectory }: SecretSources): string {
  if (text.startsWith('env:')) {
    const name = text.slice('env:'.length)
    const value = environment[name]
    if (value === undefined || value === '') {
      throw new TypeError(`the environment variable ${name} is not set`)
    }
    return value
  }
  if (text.startsWith('file:')) {
    const path = resolve(baseDirectory, text.slice('file:'.length))
    try {
      return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'error'
      throw new TypeError(`the file ${path} cannot be read (${code})`)
    }
  }
  return text
}

/**
 * A salt cannot hold what separates the fields of a token (token-formats section 1.4).
 *
 * @throws {TypeError} as `readSecret` does, and for such a salt
 */
export function readSalt(text: string, sources: SecretSources): string {
  const salt = readSecret(text, sources)
  if (salt.includes('~'))
    throw new TypeError('must not hold ~, which separates the fields of a token')
  return salt
}
