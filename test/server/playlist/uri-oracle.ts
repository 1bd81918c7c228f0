/**
 * Finds the URIs of a playlist once more, by other means than the code under test: regular expressions
 * over split lines, a table written a second time from spec/manifest-uris section 1. Good enough for
 * playlists that are not malformed on purpose.
 */
export interface FoundUri {
  readonly from: number
  readonly to: number
  readonly text: string
  /** With known variables filled in. */
  readonly expanded: string
  readonly own: boolean
}

export interface OracleOptions {
  readonly base: string
  /** `host[:port]`, any http scheme. */
  readonly hosts: readonly string[]
}

const attributesWithUri: Readonly<Record<string, string>> = {
  KEY: 'URI',
  MAP: 'URI',
  PART: 'URI',
  'PRELOAD-HINT': 'URI',
  'RENDITION-REPORT': 'URI',
  DATERANGE: 'X-ASSET-URI X-ASSET-LIST X-URI',
  MEDIA: 'URI',
  'I-FRAME-STREAM-INF': 'URI',
  'IMAGE-STREAM-INF': 'URI',
  'SESSION-KEY': 'URI',
  'SESSION-DATA': 'URI',
  'CONTENT-STEERING': 'SERVER-URI',
}

export function findUris(playlist: string, options: OracleOptions): FoundUri[] {
  const found: FoundUri[] = []
  const variables = new Map<string, string>()
  const expand = (uri: string) =>
    uri.replace(/\{\$([\w-]+)\}/g, (whole, name: string) => variables.get(name) ?? whole)
  const add = (from: number, uri: string) => {
    const expanded = expand(uri)
    found.push({ from, to: from + uri.length, text: uri, expanded, own: isOwn(expanded, options) })
  }
  let at = 0
  for (const part of playlist.split(/(\r\n|\n|\r)/)) {
    const start = at
    at += part.length
    const tag = /^#EXT-X-([A-Z-]+):(.*)$/s.exec(part)
    const prefetch = /^(#EXT-X-(?:TWITCH-)?PREFETCH:[ \t]*)(\S.*?)[ \t]*$/s.exec(part)
    if (prefetch) add(start + (prefetch[1] ?? '').length, prefetch[2] ?? '')
    else if (tag) {
      const list = readAttributes(tag[2] ?? '')
      if (tag[1] === 'DEFINE') define(variables, list, options.base)
      const wanted = (attributesWithUri[tag[1] ?? ''] ?? '').split(' ')
      if (list.some(({ name, value }) => name === 'METHOD' && value === 'NONE')) continue
      for (const { name, value, at: offset, quoted } of list) {
        if (!wanted.includes(name) || !quoted || value.trim() === '') continue
        add(start + part.length - (tag[2] ?? '').length + offset, value)
      }
    } else if (/^[^#]*\S/.test(part) && !/^\s*#/.test(part)) {
      add(start + part.length - part.trimStart().length, part.trim())
    }
  }
  return found
}

/** The playlist with every URI that is `own` or not replaced by a mark: what must not change. */
export function skeleton(playlist: string, uris: readonly FoundUri[]): string {
  let out = ''
  let done = 0
  for (const { from, to } of uris) {
    out += `${playlist.slice(done, from)}\u2063`
    done = to
  }
  return out + playlist.slice(done)
}

function isOwn(uri: string, { base, hosts }: OracleOptions): boolean {
  try {
    const { protocol, host, username } = new URL(Buffer.from(uri, 'latin1').toString(), base)
    return /^https?:$/.test(protocol) && username === '' && hosts.includes(host)
  } catch {
    return false
  }
}

interface Found {
  readonly name: string
  readonly value: string
  readonly at: number
  readonly quoted: boolean
}

function readAttributes(list: string): Found[] {
  const pattern = /[ \t]*([^=,"]+?)=(?:"([^"]*)"[ \t]*(?=,|$)|([^,]*))(?:,|$)/dgsy
  return [...list.matchAll(pattern)].map((match) => ({
    name: match[1] ?? '',
    value: match[2] ?? match[3] ?? '',
    at: match.indices?.[2]?.[0] ?? 0,
    quoted: match[2] !== undefined,
  }))
}

function define(variables: Map<string, string>, list: readonly Found[], base: string): void {
  const read = (wanted: string) => list.find(({ name }) => name === wanted)?.value
  const name = read('NAME')
  const parameter = read('QUERYPARAM')
  if (name !== undefined) variables.set(name, read('VALUE') ?? '')
  if (parameter !== undefined) {
    const value = new URL(base).searchParams.get(parameter)
    if (value !== null) variables.set(parameter, value)
  }
}
