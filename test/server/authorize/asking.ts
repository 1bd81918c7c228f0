import { createHmac } from 'node:crypto'
import { exchange, type RawResponse } from '../../stage/raw-socket.ts'
import { type StagedGate, type StageOptions, startGate } from '../../stage/start-gate.ts'

/** What the servers of these tests send to show that they may ask. */
export const secret = 'a-secret-of-asking-servers'

/** A gate that is asked: plain tokens for `/live/*`, or whatever the options say. */
export function startAskedGate({ configuration, ...options }: StageOptions = {}) {
  return startGate({
    session: null,
    rule: { match: { paths: ['/live/*'] }, stripPrefix: '' },
    ...options,
    configuration: { authorize: { secret }, ...configuration },
  })
}

/** What a server wants to know. */
export interface Wanted {
  /** Raw, as the viewer wrote it. */
  readonly target: string
  /** @default '192.0.2.7' */
  readonly address?: string
  /** @default 'GET' */
  readonly method?: string
  /** Further lines of the viewer's own, where the server passes headers on. */
  readonly lines?: readonly string[]
  /** `null`: none. @default the right one */
  readonly secret?: string | null
  /** Milliseconds since 1970, for the servers that say when. */
  readonly nowMs?: number
}

export interface Asker {
  readonly name: string
  /** The request as this server writes it. */
  bytes(wanted: Wanted): string
}

function message(head: readonly string[], body = ''): string {
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

function json(name: string, value: object, given: string | null, lines: readonly string[] = []) {
  const body = JSON.stringify(value)
  return message(
    [
      `POST /_playgate/authorize/${name}${inQuery(given)} HTTP/1.1`,
      'Host: 127.0.0.1:8080',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...lines,
    ],
    body,
  )
}

const inQuery = (given: string | null): string => (given === null ? '' : `?secret=${given}`)
const inHeader = (given: string | null): string[] =>
  given === null ? [] : [`X-Playgate-Secret: ${given}`]

function parts(target: string): { path: string; query: string; segments: string[] } {
  const [path = '', ...rest] = target.split('?')
  return { path, query: rest.join('?'), segments: path.split('/').slice(1) }
}

/** spec/forward-auth section 2.2, as nginx 1.22 writes it. */
const nginx: Asker = {
  name: 'nginx',
  bytes: ({ target, address = '192.0.2.7', method = 'GET', lines = [], secret: given = secret }) =>
    message([
      'GET /_playgate/authorize/nginx HTTP/1.0',
      `X-Original-URI: ${target}`,
      `X-Original-Method: ${method}`,
      'X-Original-Host: video.example.com',
      'X-Original-Proto: https',
      `X-Real-IP: ${address}`,
      ...inHeader(given),
      'Host: playgate',
      'Connection: close',
      'User-Agent: Viewer/1.0',
      ...lines,
    ]),
}

/** Section 2.3, as Caddy 2.6 writes it: the viewer's query stands in the request line as well. */
const caddy: Asker = {
  name: 'caddy',
  bytes: ({ target, address = '192.0.2.7', method = 'GET', lines = [], secret: given = secret }) =>
    message([
      `GET /_playgate/authorize/caddy?${parts(target).query} HTTP/1.1`,
      'Host: video.example.com',
      'User-Agent: Viewer/1.0',
      `X-Forwarded-For: ${address}`,
      'X-Forwarded-Host: video.example.com',
      `X-Forwarded-Method: ${method}`,
      'X-Forwarded-Proto: https',
      `X-Forwarded-Uri: ${target}`,
      ...inHeader(given),
      'Accept-Encoding: gzip',
      ...lines,
    ]),
}

/** Section 2.4. */
const traefik: Asker = {
  name: 'traefik',
  bytes: ({ target, address = '192.0.2.7', method = 'GET', lines = [], secret: given = secret }) =>
    message([
      `GET /_playgate/authorize/traefik${inQuery(given)} HTTP/1.1`,
      'Host: 127.0.0.1:8080',
      'User-Agent: Viewer/1.0',
      `X-Forwarded-For: ${address}`,
      'X-Forwarded-Host: video.example.com',
      `X-Forwarded-Method: ${method}`,
      'X-Forwarded-Port: 443',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Server: traefik-0',
      `X-Forwarded-Uri: ${target}`,
      'Accept-Encoding: gzip',
      ...lines,
    ]),
}

/** Section 2.5: the viewer's method, path and query behind the prefix. */
const envoy: Asker = {
  name: 'envoy',
  bytes: ({ target, address = '192.0.2.7', method = 'GET', lines = [], secret: given = secret }) =>
    message([
      `${method} /_playgate/authorize/envoy${target} HTTP/1.1`,
      'host: video.example.com',
      'content-length: 0',
      'user-agent: Viewer/1.0',
      `x-forwarded-for: ${address}`,
      'x-forwarded-proto: https',
      'x-envoy-internal: true',
      ...inHeader(given).map((line) => line.toLowerCase()),
      ...lines,
    ]),
}

/** Section 2.1: the viewer's parameters, then those that were added. */
const tencent: Asker = {
  name: 'tencent',
  bytes: ({ target, address = '192.0.2.7', method = 'POST', secret: given = secret }) => {
    const { path, query } = parts(target)
    const kept = query === '' ? '' : `${query}&`
    return message([
      `${method} /_playgate/authorize/tencent?${kept}host=video.example.com&uri=${path}&client_ip=${address}&cdn_ip=203.0.113.9 HTTP/1.1`,
      'Host: auth.example.com',
      'User-Agent: Viewer/1.0',
      ...(method === 'POST' ? ['Content-Length: 0'] : []),
      ...inHeader(given),
    ])
  },
}

/** Section 2.6. The path is that of the stream, without the playlist. */
const mediamtx: Asker = {
  name: 'mediamtx',
  bytes: ({ target, address = '192.0.2.7', secret: given = secret }) => {
    const { segments, query } = parts(target)
    const body = {
      ip: address,
      user: '',
      password: '',
      token: '',
      action: 'read',
      path: segments.slice(0, 2).join('/'),
      protocol: 'hls',
      id: null,
      // Go's url.Values.Encode: names sorted, everything but unreserved characters escaped.
      query: query.replace(/=(.*)$/, (_all, value: string) => `=${goEscape(value)}`),
      userAgent: 'Viewer/1.0',
    }
    return json('mediamtx', body, given)
  },
}

/** `~` stays, and `=`, `/`, `*`, `!` do not. */
export function goEscape(value: string): string {
  return encodeURIComponent(value).replace(/[!*'()]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
}

/** Section 2.7. */
const srs: Asker = {
  name: 'srs',
  bytes: ({ target, address = '192.0.2.7', secret: given = secret }) => {
    const { segments, query } = parts(target)
    const [app, stream] = segments
    const body = {
      server_id: 'vid-0t5ag8d',
      service_id: '8q2w41b0',
      action: 'on_play',
      client_id: '9308h583',
      ip: address,
      vhost: '__defaultVhost__',
      app,
      stream,
      tcUrl: 'rtmp://video.example.com/live',
      param: query === '' ? '' : `?${query}`,
      pageUrl: 'https://www.example.com/show',
      stream_url: `/${app}/${stream}`,
      stream_id: 'vid-124q9y3',
    }
    return json('srs', body, given)
  },
}

export function omeSignature(body: string, key = secret): string {
  return createHmac('sha1', key).update(body).digest('base64url')
}

/** Section 2.8. */
const ome: Asker = {
  name: 'ome',
  bytes: ({ target, address = '192.0.2.7', secret: given = secret, nowMs = 0 }) => {
    const body = {
      client: { address, port: 29291, real_ip: '198.51.100.99', user_agent: 'Viewer/1.0' },
      request: {
        direction: 'outgoing',
        protocol: 'webrtc',
        status: 'opening',
        url: `wss://video.example.com:3334${target}`,
        time: new Date(nowMs).toISOString(),
      },
    }
    const lines =
      given === null ? [] : [`X-OME-Signature: ${omeSignature(JSON.stringify(body), given)}`]
    return json('ome', body, null, lines)
  },
}

/** Section 2.9: the viewer's arguments at the end, as he wrote them. */
const nginxRtmp: Asker = {
  name: 'nginx-rtmp',
  bytes: ({ target, address = '192.0.2.7', secret: given = secret }) => {
    const { segments, query } = parts(target)
    const [app, name] = segments
    const body = `app=${app}&flashver=LNX%209,0,124,2&swfurl=&tcurl=rtmp%3A%2F%2Fvideo.example.com%2Flive&pageurl=&addr=${address}&clientid=1&call=play&name=${name}&start=4294966296&duration=0&reset=0${query === '' ? '' : `&${query}`}`
    return message(
      [
        `POST /_playgate/authorize/nginx-rtmp${inQuery(given)} HTTP/1.0`,
        'Host: 127.0.0.1:8080',
        'Content-Type: application/x-www-form-urlencoded',
        'Connection: Close',
        `Content-Length: ${Buffer.byteLength(body)}`,
      ],
      body,
    )
  },
}

export const askers = [
  nginx,
  caddy,
  traefik,
  envoy,
  tencent,
  mediamtx,
  srs,
  ome,
  nginxRtmp,
] as const satisfies readonly Asker[]

/** @throws {Error} for a name that no server has */
export function askerNamed(name: string): Asker {
  const asker = askers.find((candidate) => candidate.name === name)
  if (asker === undefined) throw new Error(`no asker ${name}`)
  return asker
}

/** Asks, byte for byte. */
export function ask(
  stage: StagedGate,
  asker: Asker,
  wanted: Wanted,
  change: (bytes: string) => string = (bytes) => bytes,
): Promise<RawResponse> {
  const bytes = change(asker.bytes({ nowMs: stage.clock.now(), ...wanted }))
  return exchange(stage, bytes, { method: bytes.slice(0, bytes.indexOf(' ')) })
}

/** Status and body, where the body is what counts. */
export function told({ status, body }: RawResponse): unknown[] {
  const text = body.toString('utf8')
  return text === '' ? [status] : [status, JSON.parse(text)]
}
