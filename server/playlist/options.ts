import { isBareTokenText } from '../../shared/bare-token.ts'
import { OptionError, type OptionProblem } from '../../shared/codes.ts'
import { createReach, notAnOrigin, parseHttpUrl, parseOrigin } from '../../shared/reach.ts'
import type { Destination, PlaylistMode } from './destination.ts'
import { escapeSegment, readTokenSegment, stripTokenSegments } from './token-segment.ts'
import type { Imports } from './variables.ts'

export interface CompileOptions {
  /**
   * The absolute http(s) URL the client fetched the document from, after redirects. References are resolved
   * against it, and its origin is the first that may carry the token. In path mode a leading token segment
   * is understood as such.
   */
  readonly base: string | URL
  /**
   * Name of the token's parameter, such as `hdntl`. The empty name, in query mode, puts the token bare in front of
   * the query: `seg.ts?TOKEN&a=1` (spec/token-formats section 2.2).
   */
  readonly parameter: string
  /** Further origins whose URIs may carry the token, `scheme://host[:port]`. @default [] */
  readonly reach?: readonly string[] | undefined
  /**
   * `query`: each URI of ours gains `parameter=value`, or a bare `value`. `path`: each is reached below
   * `/parameter=value/`. `define`: each gains `parameter={$parameter}`, which the player fills in from the playlist's own URL.
   */
  readonly mode: PlaylistMode
  /** Values of the multivariant playlist's variables, for `IMPORT`. @default {} */
  readonly imports?: Imports | undefined
}

export interface RewriteOptions extends CompileOptions {
  /**
   * The token. URL-safe ASCII only, see `checkValue`. In define mode it may be left out: it does not go into
   * the playlist, and is only checked for surviving the player's decoding.
   */
  readonly value?: string | undefined
}

export interface RewriteJsonOptions extends RewriteOptions {
  /**
   * Where a steering manifest is to be reloaded from that names no `RELOAD-URI`: a reference, to be given the token like the others. Left
   * out, a player reloads the URL that it has.
   */
  readonly reload?: string | undefined
}

const modes: readonly string[] = ['query', 'path', 'define'] satisfies PlaylistMode[]
const compileKeys = ['base', 'parameter', 'reach', 'mode', 'imports']

/**
 * Judges the options and makes of them what the room works with.
 *
 * @throws {OptionError} (a `TypeError`) that names each option in the wrong
 */
export function judgeOptions(options: CompileOptions, furtherKeys: readonly string[] = []) {
  const problems: OptionProblem[] = []
  const refuse = (path: string, message: string) => problems.push({ path, message })
  const { base, parameter, reach = [], mode, imports = {} } = options
  for (const key of Object.keys(options)) {
    if (![...compileKeys, ...furtherKeys].includes(key)) refuse(key, 'unknown option')
  }
  if (!modes.includes(mode)) refuse('mode', 'not one of query, path, define')
  const url = typeof base === 'string' || base instanceof URL ? parseHttpUrl(base) : null
  if (url === null) refuse('base', 'not an absolute http(s) URL')
  const nameProblem = findNameProblem(parameter, mode)
  if (nameProblem !== null) refuse('parameter', nameProblem)
  if (!Array.isArray(reach)) refuse('reach', 'not a list of origins')
  else {
    reach.forEach((origin, index) => {
      if (parseOrigin(origin) === null) refuse(`reach[${index}]`, notAnOrigin)
    })
  }
  if (typeof imports !== 'object' || imports === null) refuse('imports', 'not a map of variables')
  else {
    for (const [name, value] of imports instanceof Map ? imports : Object.entries(imports)) {
      if (typeof value !== 'string') refuse(`imports.${name}`, 'not a text')
    }
  }
  if (problems.length > 0 || url === null) throw new OptionError(problems)
  const destination = createDestination(url, parameter, reach, mode)
  return { destination, imports }
}

function createDestination(
  given: URL,
  parameter: string,
  reach: readonly string[],
  mode: PlaylistMode,
): Destination {
  // Relative references would inherit userinfo and so be taken for foreign ones.
  const base = new URL(given)
  base.username = ''
  base.password = ''
  base.hash = ''
  const baseHasToken = mode === 'path' && readTokenSegment(base.pathname, parameter) !== null
  if (baseHasToken) base.pathname = stripTokenSegments(base.pathname, parameter)
  return { mode, parameter, base, baseHasToken, mayCarry: createReach({ base, origins: reach }) }
}

/**
 * For one rewriting, base and value are both known: a base that carries another token than the one to be
 * placed hands on the wrong one, so its relative references cannot be left to inherit it.
 */
export function withValue(
  destination: Destination,
  base: string | URL,
  value: string,
): Destination {
  const carried = readTokenSegment(new URL(base).pathname, destination.parameter)
  const fits = destination.baseHasToken && carried === escapeSegment(value)
  return { ...destination, baseHasToken: fits }
}

function findNameProblem(name: unknown, mode: PlaylistMode): string | null {
  if (name === '') return mode === 'query' ? null : 'empty, which is for query mode only'
  if (typeof name !== 'string' || !/^[A-Za-z0-9._~-]+$/.test(name)) {
    return 'not a name of letters, digits, dot, underscore, tilde and hyphen'
  }
  // Reserved for delivery directives: draft-pantos-hls-rfc8216bis section 6.2.5.
  if (name.startsWith('_HLS_')) return 'begins with the reserved prefix _HLS_'
  if (mode === 'define' && /[.~]/.test(name)) {
    return 'not a variable name of letters, digits, underscore and hyphen'
  }
  return null
}

/**
 * What a value may be made of (spec/manifest-uris section 10). `%` and `+` are what real tokens hold, and
 * travel in queries and paths; a variable is decoded at each level, which they do not survive.
 */
const fitCharacters: Readonly<Record<PlaylistMode, RegExp>> = {
  query: /[^A-Za-z0-9\-._~=:@!()*/,%+]/,
  path: /[^A-Za-z0-9\-._~=:@!()*/,%+]/,
  define: /[^A-Za-z0-9\-._~=:@!()*/,]/,
}

/**
 * Makes sure a value can neither end a line, a quoted string, a parameter or a path (threat T68), nor be
 * changed on its way through a player. A bare one must have the form by which it is told from other bare
 * parts. The message never shows the value.
 *
 * @throws {OptionError} that names `value`
 */
export function checkValue(
  value: unknown,
  { mode, parameter }: Pick<CompileOptions, 'mode' | 'parameter'>,
): asserts value is string {
  const message = findValueProblem(value, mode) ?? findBareProblem(value, parameter)
  if (message !== null) throw new OptionError([{ path: 'value', message }])
}

function findValueProblem(value: unknown, mode: PlaylistMode): string | null {
  if (typeof value !== 'string') return 'not a text'
  if (value === '') return 'empty'
  const code = value.match(fitCharacters[mode])?.[0].charCodeAt(0)
  if (code === undefined) return null
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return `holds ${name}, which does not travel unharmed in mode ${mode}`
}

function findBareProblem(value: unknown, parameter: string): string | null {
  if (parameter !== '' || isBareTokenText(String(value))) return null
  return 'not the form of a bare token: base64url, 39 characters or more, and no mere digest'
}

/** @throws {OptionError} when it is no `Uint8Array`; subclasses and those of other realms are fine */
export function checkBody(body: unknown): asserts body is Uint8Array {
  if (Object.prototype.toString.call(body) !== '[object Uint8Array]') {
    throw new OptionError([{ path: 'body', message: 'not a Uint8Array' }])
  }
}
