import { PlaybackError } from '../../shared/codes.ts'
import type { OriginRequest } from './contract.ts'

const plain = /^[\x21\x22\x24-\x7e]*$/
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

/**
 * A second look at what the front door has judged, because this text goes out as it is: printable ASCII,
 * beginning with `/`, no dot segment, no encoded slash (threats T56).
 *
 * @throws {PlaybackError} `ERR_REQUEST_TARGET`
 */
export function checkTarget({ path, query }: Pick<OriginRequest, 'path' | 'query'>): void {
  const fits =
    path.startsWith('/') &&
    plain.test(path) &&
    plain.test(query) &&
    !path.includes('?') &&
    !dotSegment.test(path) &&
    !/%2f|%5c|%00|\\/i.test(path)
  if (fits) return
  throw new PlaybackError({
    code: 'ERR_REQUEST_TARGET',
    reason: 'bad-request',
    detail: 'the path or query is not one that may be sent to an origin',
  })
}

/** Path and query as one request target. */
export function joinTarget(basePath: string, path: string, query: string): string {
  return query === '' ? basePath + path : `${basePath}${path}?${query}`
}
