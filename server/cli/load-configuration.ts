import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { OptionError } from '../../shared/codes.ts'
import type { Configuration } from '../options/schema.ts'

export interface LoadedConfiguration {
  /** Not judged yet. */
  readonly raw: Configuration
  /** Relative names in the file are looked up here. */
  readonly baseDirectory: string
}

/**
 * A configuration file in YAML, or JSON, which is YAML too.
 *
 * @throws {OptionError} when the file cannot be read, or is no YAML, naming line and column
 */
export function loadConfiguration(file: string): LoadedConfiguration {
  const path = resolve(file)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new OptionError([{ path: file, message: `cannot be read (${code})` }])
  }
  const lineCounter = new LineCounter()
  const document = parseDocument(quoteMemory(text), { lineCounter, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new OptionError(
      document.errors.map((error) => {
        const { line, col } = lineCounter.linePos(error.pos[0])
        return { path: `${file}:${line}:${col}`, message: error.message }
      }),
    )
  }
  try {
    // Aliases are resolved here; `*.m3u8` without quotes is one that leads nowhere.
    const raw = document.toJS({ maxAliasCount: 100 }) as Configuration
    return { raw, baseDirectory: dirname(path) }
  } catch (error) {
    throw new OptionError([{ path: file, message: (error as Error).message }])
  }
}

/** `store: memory:` is how everybody writes it, and no YAML without quotes: its last colon would begin a mapping. */
function quoteMemory(text: string): string {
  return text.replace(/^([ \t]*store:[ \t]+)memory:([ \t]*(?:#.*)?)$/gm, "$1'memory:'$2")
}
