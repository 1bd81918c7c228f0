/** `silent`: a time limit ran out. `unreachable`: refused, reset, not found, not trusted, not HTTP. */
export type OutboundFailure = 'silent' | 'unreachable'

/** A request that got no answer, or an answer whose body broke off. Its message never holds a URL. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly kind: OutboundFailure

  constructor(kind: OutboundFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}

const silentCodes: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])

/** The `code` of a system or library error, '' when it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** Any error of a connection or of a body, told in our terms. */
export function toOutboundError(error: unknown): OutboundError {
  if (error instanceof OutboundError) return error
  const code = codeOf(error)
  return silentCodes.has(code)
    ? new OutboundError('silent', `the origin was silent for too long: ${code}`, error)
    : new OutboundError('unreachable', `the origin could not be reached: ${code || 'error'}`, error)
}
