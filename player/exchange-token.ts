import { resolveUrl } from './place.ts'

/** What is exchanged, and where. */
export interface TokenExchange {
  /** A fresh access token, from your own server. */
  readonly accessToken: string
  /** The URL of the playlist that is played, relative ones to the page. */
  readonly source: string | URL
  /** The session token in use until now: the new one keeps its session id. Without it a session begins. */
  readonly sessionToken?: string | null | undefined
  /**
   * `define`: this player fills in variables (hls.js since 1.4 does), and shares one copy of each playlist with all others where the rule
   * lists that carrier. Give `createSession` `keepTokenInResponseUrl: true` with it. @default the rule's choice
   */
  readonly carrier?: 'define' | undefined
  /** Where the gate takes it, relative to the source. @default '/_playgate/session' */
  readonly endpoint?: string | undefined
  /** `include` where the gate keeps the session in a cookie on another origin. @default 'same-origin' */
  readonly credentials?: RequestCredentials
  readonly signal?: AbortSignal
}

/** The gate's answer; `getToken` may return it as it is. */
export interface ExchangedToken {
  readonly token: string
  readonly parameter: string
  readonly expiresInSeconds: number
  readonly sessionId: string
  /** How the session reaches the player. */
  readonly carrier: string
}

/** Hands the gate the tokens; what its answer means is for the caller to judge. */
export function postTokens(endpoint: URL, tokens: object, init: RequestInit): Promise<Response> {
  return fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(tokens),
    // It would carry both tokens to wherever it leads.
    redirect: 'error',
    ...init,
  })
}

/** What comes, as an object, such as a body of JSON: an empty one where it fails. */
export async function objectOf(coming: Promise<unknown>) {
  return Object(await coming.catch(() => {}))
}

/**
 * Exchanges an access token for a session token (`POST /_playgate/session`), so that no URL ever carries
 * the access token, or a session goes on without asking for its playlist.
 *
 * @throws {Error} with the `status` of a refusal, and what its problem document says: `reason`, `sessions`, `endRight`
 */
export async function exchangeToken({
  accessToken,
  source,
  sessionToken,
  carrier,
  endpoint = '/_playgate/session',
  ...init
}: TokenExchange): Promise<ExchangedToken> {
  const url = resolveUrl(source)
  const { pathname: path } = url
  const tokens = { accessToken, path, sessionToken: sessionToken ?? undefined, carrier }
  const response = await postTokens(new URL(endpoint, url), tokens, init)
  const { ok, status } = response
  const answer = await objectOf(response.json())
  if (ok) return answer
  // Of a stranger's answer nothing else gets into an error, which may be logged.
  const { reason, sessions, endRight } = answer
  throw Object.assign(new Error('no session'), { status, reason, sessions, endRight })
}
