import type { Readable } from 'node:stream'
import type { OriginHeaders } from './origin-headers.ts'

/** What is asked of an origin. Nothing of the client that is not named here ever goes out. */
export interface OriginRequest {
  readonly method: 'GET' | 'HEAD'
  /** Canonical path below the origin: printable ASCII, escapes kept, begins with `/`, without dot segments and `%2f`. */
  readonly path: string
  /** Raw query without `?`, our own tokens already removed. */
  readonly query: string
  readonly headers: {
    readonly range?: string
    readonly ifRange?: string
    readonly ifNoneMatch?: string
    readonly ifModifiedSince?: string
    readonly accept?: string
  }
  /** Aborted when the client has left. */
  readonly signal: AbortSignal
}

/**
 * A playlist: always whole, decoded and proven to begin like one. The bytes are shared by everybody who
 * asked at the same time: nobody may write to them.
 */
export interface OriginPlaylist {
  readonly kind: 'playlist'
  readonly bytes: Uint8Array
  /** Equal text for equal bytes. */
  readonly version: string
  readonly contentType: string
  /** Never a length, range or encoding: those described the origin's transfer. */
  readonly headers: OriginHeaders
}

/** A small JSON document (steering manifest, asset list), decoded. Its syntax is not judged here. */
export interface OriginJson {
  readonly kind: 'json'
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly headers: OriginHeaders
}

/** Anything else, passed on as it is. A stream must be read to its end or destroyed. */
export interface OriginObject {
  readonly kind: 'object'
  readonly status: 200 | 206 | 304 | 416
  readonly headers: OriginHeaders
  readonly body: Readable | Uint8Array | null
}

/** The origin moved a playlist to another place below itself. The client must see it: relative URIs resolve against it. */
export interface OriginRedirect {
  readonly kind: 'redirect'
  readonly status: RedirectStatus
  /** Below the origin, like the path of a request. */
  readonly path: string
  readonly query: string
}

export type RedirectStatus = 301 | 302 | 303 | 307 | 308

export interface OriginMissing {
  readonly kind: 'missing'
  readonly status: 404 | 410
}

export type OriginAnswer =
  | OriginPlaylist
  | OriginJson
  | OriginObject
  | OriginRedirect
  | OriginMissing

export interface Origin {
  /**
   * Fetches one object.
   *
   * @throws {PlaybackError} `ERR_ORIGIN_UNAVAILABLE` (504 silent, 502 unreachable or an unfit answer),
   * `ERR_ORIGIN_PLAYLIST` (502, nonsense or too much), `ERR_REQUEST_TARGET` (400, a target that no judged request has)
   * @throws the reason of `request.signal` once it is aborted
   */
  get(request: OriginRequest): Promise<OriginAnswer>
  /**
   * Readiness: a directory can be read, an HTTP origin can be connected to and answers anything at all.
   *
   * @throws {PlaybackError} `ERR_ORIGIN_UNAVAILABLE`
   */
  check(): Promise<void>
  /** Takes no further request and resolves when the last answer under way has been read or given up. */
  close(): Promise<void>
}
