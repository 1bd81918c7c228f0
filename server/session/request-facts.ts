import type { CanonicalPath } from '../../shared/request-target.ts'

/** What was asked, read once from the raw request. Every decision reads these facts and nothing else. */
export interface RequestFacts {
  readonly method: string
  /** The request target as received, tokens and all. Never logged. */
  readonly target: string
  /** The path as in the request line, without a path-form token. Signed URLs are compared with this. */
  readonly rawPath: string
  /** The same path in its one canonical spelling: what rules, ACLs and origins see. */
  readonly path: CanonicalPath
  /** Lower case, with its port when one was given. */
  readonly host: string
  readonly scheme: 'http' | 'https'
  readonly clientAddress: string
  /** Of ours, at which the request arrived; '' when it is not known. */
  readonly serverAddress: string
  /** A trusted proxy brought the request: what it alone can have written may be believed. */
  readonly viaTrustedProxy: boolean
  readonly headers: RequestHeaders
}

/** Header fields by lower-case name, each with every value it was sent with, in order. */
export type RequestHeaders = ReadonlyMap<string, readonly string[]>

/** The value of a header that is meant to occur once; repeated ones are joined (RFC 9110 section 5.2). */
export function headerText(headers: RequestHeaders, name: string): string | undefined {
  return headers.get(name)?.join(', ')
}
