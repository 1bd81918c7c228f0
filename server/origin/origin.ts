import type { Origin } from './contract.ts'
import { createDirectoryOrigin } from './directory-origin.ts'
import { createHttpOrigin } from './http-origin.ts'
import { judgeOptions, type OriginOptions } from './options.ts'

export type {
  Origin,
  OriginAnswer,
  OriginJson,
  OriginMissing,
  OriginObject,
  OriginPlaylist,
  OriginRedirect,
  OriginRequest,
  RedirectStatus,
} from './contract.ts'
export type { OriginOptions, OriginTimeouts } from './options.ts'
export type { OriginHeaderName, OriginHeaders } from './origin-headers.ts'

/**
 * The place that media comes from, behind one interface: a directory, or an HTTP or HTTPS server. Asks nobody
 * yet.
 *
 * @throws {OptionError} (a `TypeError`) naming every mistake in the options
 */
export function createOrigin(options: OriginOptions): Origin {
  const judged = judgeOptions(options)
  return judged.place.kind === 'http'
    ? createHttpOrigin(judged.place, judged)
    : createDirectoryOrigin(judged.place.root, judged)
}
