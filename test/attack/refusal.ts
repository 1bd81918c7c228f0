import { createHmac } from 'node:crypto'
import { expect } from 'vitest'
import { addressOf, exchange } from '../stage/raw-socket.ts'
import { type Answer, type StagedGate, testKey } from '../stage/start-gate.ts'

export const playlist = '/vod/film/index.m3u8'
export const segment = '/vod/film/low/1.m4s'

/** What came back, however it was asked for. */
export interface Reply {
  readonly status: number
  header(name: string): string | null
  readonly text: string
}

export interface HandWritten {
  readonly method?: string
  /** `Name: value`, in order. A Host and a User-Agent stand in front unless the list has its own. */
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sends a request whose every byte is the test's: `fetch` would repair targets before we see them. */
export async function send(
  stage: Pick<StagedGate, 'url'>,
  target: string,
  { method = 'GET', headers = [], body = '' }: HandWritten = {},
): Promise<Reply> {
  const has = (name: string) => headers.some((line) => line.toLowerCase().startsWith(`${name}:`))
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(has('host') ? [] : [`Host: ${new URL(stage.url).host}`]),
    ...(has('user-agent') ? [] : ['User-Agent: Viewer/1.0']),
    ...headers,
  ]
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
  const response = await exchange(addressOf(stage.url), bytes, { method })
  return {
    status: response.status,
    header: (name) => (response.all(name).length === 0 ? null : response.all(name).join(', ')),
    text: response.body.toString('utf8'),
  }
}

export function replyOf({ status, headers, text }: Answer): Reply {
  return { status, header: (name) => headers.get(name), text }
}

export interface Expected {
  readonly status?: number
  /** One of design section 4's closed list. */
  readonly reason?: string
}

/** A refusal always means four things together: status, `no-store`, nothing asked of the origin, nothing minted. */
export async function expectRefused(
  stage: Pick<StagedGate, 'origin'>,
  asking: () => Promise<Reply>,
  { status = 403, reason }: Expected = {},
): Promise<Reply> {
  const before = stage.origin.requests.length
  const reply = await asking()
  expect(reply.status).toBe(status)
  expect(reply.header('cache-control')).toBe('no-store')
  expect(stage.origin.requests.slice(before)).toEqual([])
  expect(reply.header('playgate-session')).toBeNull()
  expect(reply.header('set-cookie')).toBeNull()
  if (reason !== undefined) expect(JSON.parse(reply.text)).toMatchObject({ status, reason })
  return reply
}

/** Whatever was sent before, a good viewer gets the film. */
export async function expectService(stage: StagedGate): Promise<void> {
  const opened = await send(stage, `${playlist}?hdnts=${stage.mint()}`)
  expect(opened.status).toBe(200)
  expect((await send(stage, `${segment}?hdntl=${tokenOf(opened)}`)).status).toBe(200)
}

/** The session token of an answer that opened a session. */
export function tokenOf(reply: Reply): string {
  const token = /token="([^"]+)"/.exec(reply.header('playgate-session') ?? '')?.[1]
  if (token === undefined) throw new Error(`no session was opened: ${reply.status} ${reply.text}`)
  return token
}

/** Opens a session with a fresh access token. */
export async function openSession(
  stage: StagedGate,
  options: Parameters<StagedGate['mint']>[0] = {},
  headers: readonly string[] = [],
): Promise<string> {
  return tokenOf(await send(stage, `${playlist}?hdnts=${stage.mint(options)}`, { headers }))
}

export interface Signing {
  readonly key?: string
  readonly salt?: string
  /** For a URL token: what is signed and does not stand in it. */
  readonly url?: string
  readonly algorithm?: string
}

/** Signs whatever fields an issuer, careless or hostile, could sign. */
export function sign(
  fields: string,
  { key = testKey, salt = '', url, algorithm = 'sha256' }: Signing = {},
): string {
  const text = `${fields}${url === undefined ? '' : `~url=${url}`}${salt === '' ? '' : `~salt=${salt}`}`
  const mac = createHmac(algorithm, Buffer.from(key, 'hex')).update(text).digest('hex')
  return `${fields}~hmac=${mac}`
}

export type Place = 'query' | 'path' | 'header' | 'cookie'
export const places: readonly Place[] = ['query', 'path', 'header', 'cookie']

export interface Carried {
  readonly place: Place
  readonly name: string
  readonly token: string
}

/** The target and header lines of a request that carries these. */
export function carrying(
  path: string,
  tokens: readonly Carried[],
): { target: string; headers: string[] } {
  let target = path
  const headers: string[] = []
  const cookies: string[] = []
  for (const { place, name, token } of tokens) {
    if (place === 'query') target += `${target.includes('?') ? '&' : '?'}${name}=${token}`
    if (place === 'path') target = `/${name}=${token.replaceAll('/', '%2f')}${target}`
    if (place === 'header') headers.push(`${name}: ${token}`)
    if (place === 'cookie') cookies.push(`${name}=${token}`)
  }
  if (cookies.length > 0) headers.push(`Cookie: ${cookies.join('; ')}`)
  return { target, headers }
}

/** Sends a request that carries these tokens. */
export function sendCarrying(
  stage: StagedGate,
  path: string,
  tokens: readonly Carried[],
  more: HandWritten = {},
): Promise<Reply> {
  const { target, headers } = carrying(path, tokens)
  return send(stage, target, { ...more, headers: [...headers, ...(more.headers ?? [])] })
}
