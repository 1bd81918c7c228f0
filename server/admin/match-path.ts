import { decodeOnce } from '../../shared/query.ts'

/**
 * The segments of a path that a template such as `/sessions/{sessionId}` names, decoded; `null` when the path is another one.
 *
 * @param path canonical: its segments are never empty but for the last, and no escape hides a separator
 */
export function matchPath(template: string, path: string): Readonly<Record<string, string>> | null {
  const parts = template.split('/')
  const segments = path.split('/')
  if (parts.length !== segments.length) return null
  const named: [string, string][] = []
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? ''
    const name = /^\{(\w+)\}$/.exec(part)?.[1]
    if (name === undefined ? segment !== part : segment === '') return null
    if (name !== undefined) named.push([name, decodeOnce(segment)])
  }
  return Object.fromEntries(named)
}
