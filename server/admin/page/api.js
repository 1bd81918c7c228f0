/** A request that the server answered with a problem document. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

/** Nobody answered, or somebody who is not our server. */
export class Unreachable extends Error {}

/** A server that is alive answers sooner. */
const timeoutMs = 10_000

/**
 * The admin API, asked with a token that nobody else gets to see.
 *
 * @param {string} token
 */
export function createApi(token) {
  /**
   * @param {string} method
   * @param {string} path below this page
   * @param {unknown} [body]
   * @returns {Promise<any>} the answer's document
   * @throws {Problem | Unreachable}
   */
  async function ask(method, path, body) {
    const headers = { Authorization: `Bearer ${token}` }
    const response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(() => {
      throw new Unreachable()
    })
    const document = await response.json().catch(() => null)
    // A proxy in front of a server that is gone answers with pages of its own.
    if (document === null) throw new Unreachable()
    if (!response.ok) throw new Problem(response.status, document.detail ?? document.title)
    return document
  }

  /** @param {Record<string, string>} filter */
  const query = (filter) => new URLSearchParams(Object.entries(filter).filter(([, text]) => text))

  return {
    summary: () => ask('GET', 'summary'),
    refusals: () => ask('GET', 'refusals'),
    /** @param {Record<string, string>} filter */
    sessions: (filter) => ask('GET', `sessions?${query(filter)}`),
    /** @param {string} sessionId */
    end: (sessionId) => ask('DELETE', `sessions/${encodeURIComponent(sessionId)}`),
    /** @param {string} subject */
    endSubject: (subject) => ask('POST', 'sessions/end', { subject }),
  }
}

/** @typedef {ReturnType<typeof createApi>} Api */
