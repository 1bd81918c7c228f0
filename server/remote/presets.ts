import type { BareRequest } from './bare-request.ts'

/** What a value of `parameters.add` may stand for (design section 6). */
export const parameterPresets = {
  $host: ({ host }: BareRequest): string => host,
  $uri: ({ rawPath, query }: BareRequest): string =>
    query === '' ? rawPath : `${rawPath}?${query}`,
  $client_ip: ({ clientAddress }: BareRequest): string => clientAddress,
  $cdn_ip: ({ cdnAddress }: BareRequest): string => cdnAddress,
} as const

/**
 * What a value of `headers.add` may stand for. One that the viewer did not send is not sent on either.
 * `$cookie` and `$authorization` are there because `keep: all` leaves credentials out.
 */
export const headerPresets = {
  $user_agent: ({ headers }: BareRequest): string | undefined => headers.get('user-agent'),
  $referer: ({ headers }: BareRequest): string | undefined => headers.get('referer'),
  // Our own word, not the viewer's header: he may have written any address into that (threats T52).
  $x_forwarded_for: ({ clientAddress }: BareRequest): string => clientAddress,
  $cookie: ({ headers }: BareRequest): string | undefined => headers.get('cookie'),
  $authorization: ({ headers }: BareRequest): string | undefined => headers.get('authorization'),
} as const
