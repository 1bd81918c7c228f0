import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const docs = join(import.meta.dirname, '../../shared/docs')

/**
 * The text of the code block that a page of the documentation introduces by that line.
 *
 * @throws {Error} when there is none
 */
export function docBlock(page: string, info: string): string {
  const text = readFileSync(join(docs, page), 'utf8')
  const start = text.indexOf(`\n\`\`\`${info}\n`)
  const from = text.indexOf('\n', start + 1) + 1
  const end = text.indexOf('\n```\n', from)
  if (start < 0 || end < 0) throw new Error(`${page} has no block ${info}`)
  return text.slice(from, end + 1)
}
