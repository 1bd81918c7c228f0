import { decodeOnce } from '../../shared/query.ts'
import type { Keep } from './options.ts'

/**
 * The pairs of a viewer's query that are sent on, bytes and order as received.
 *
 * @param keep names with case, compared decoded
 * @param reserved `foldParameter` of every name that we add ourselves
 */
export function keepParameters(query: string, keep: Keep, reserved: ReadonlySet<string>): string[] {
  if (query === '' || keep === 'none') return []
  return query
    .split('&')
    .filter((pair) => pair !== '' && !posesAs(pair, reserved))
    .filter((pair) => keep === 'all' || keep.has(decodeOnce(nameOf(pair))))
}

/**
 * Would some reader take the pair for one that we add (threats T64)? Also when it stands behind a `;`, which
 * HTML 4 (appendix B.2.2) had for a second `&`, and old servers still read that way.
 */
function posesAs(pair: string, reserved: ReadonlySet<string>): boolean {
  return pair.split(';').some((part) => reserved.has(foldParameter(nameOf(part))))
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0] ?? ''
}

/**
 * One text for all names that some reader takes for the same: decoded byte by byte, cut at a NUL or `[`, without
 * leading blanks and case, all but letters and digits made `_` (as PHP does to `.` and blanks). It folds more
 * together than any one reader does; a viewer who has such a parameter misses it.
 */
export function foldParameter(rawName: string): string {
  const decoded = rawName
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    )
  const name = decoded.split('\0', 1)[0]?.split('[', 1)[0] ?? ''
  return name
    .trimStart()
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_')
}
