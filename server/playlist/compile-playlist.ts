import { attributesOf, valueText } from './attributes.ts'
import { fromByteText, type Span, toByteText, trimSpan } from './byte-text.ts'
import { defineHeader } from './define-header.ts'
import type { Destination, PlaylistMode } from './destination.ts'
import { applyEdits, type Edit } from './edits.ts'
import { type CompileOptions, checkBody, checkValue, judgeOptions } from './options.ts'
import { placeToken } from './place.ts'
import { type Entry, entriesOf, isPlaylist } from './tags.ts'
import { Template } from './template.ts'
import { escapeSegment } from './token-segment.ts'
import { isKnownTag, type UriRow, uriRows } from './uri-table.ts'
import { type Imports, Variables } from './variables.ts'

/** A playlist of the origin made ready for any number of sessions. Holds no token. */
export interface CompiledPlaylist {
  /** False for an error page and the like, which every rendering hands back unchanged. */
  readonly isPlaylist: boolean
  /** As it was compiled. */
  readonly mode: PlaylistMode
  /** How many URIs carry the token. In path mode those that inherit it from the base are not counted. */
  readonly uriCount: number
  /** Tags of no list we know, each once, at most 32; their URIs, if they have any, carry no token. */
  readonly unknownTags: readonly string[]
  /** The constant bytes; the token, as the mode writes it, goes between each two of them. Not to be changed. */
  readonly pieces: readonly Uint8Array[]
  /**
   * The playlist for one token, in memory of its own. In define mode all are the same, and no value is needed.
   *
   * @throws {OptionError} (a `TypeError`) when the value would not travel unharmed
   */
  render(value?: string): Uint8Array<ArrayBuffer>
}

const maxUnknownTags = 32

/**
 * Finds the places of a playlist where a session's token goes: once for each version of the playlist,
 * not once a viewer. Every byte outside the URIs of ours stays as it is (spec/manifest-uris section 14);
 * in define mode the definition is added and `EXT-X-VERSION` raised to 11.
 *
 * In path mode a base with a token segment means: the client's URL will have the token of each rendering,
 * whatever the text of the segment given here.
 *
 * @throws {OptionError} (a `TypeError`) that names the option in the wrong
 * @throws {PlaybackError} `ERR_ORIGIN_PLAYLIST`, in define mode, when the playlist uses the parameter's name
 *   for a variable of its own
 */
export function compilePlaylist(body: Uint8Array, options: CompileOptions): CompiledPlaylist {
  checkBody(body)
  const { destination, imports } = judgeOptions(options)
  return compileFor(body, destination, imports)
}

/** `compilePlaylist` with its options judged already. */
export function compileFor(
  body: Uint8Array,
  destination: Destination,
  imports: Imports,
): CompiledPlaylist {
  const { mode } = destination
  const text = toByteText(body)
  const found = isPlaylist(text) ? findEdits(text, destination, imports) : nothingFound
  const template = new Template(applyEdits(text, found.edits))
  return {
    isPlaylist: found !== nothingFound,
    mode,
    uriCount: found.uriCount,
    unknownTags: [...found.unknownTags],
    pieces: template.pieces,
    render(value) {
      if (mode === 'define' && value === undefined) return template.render(new Uint8Array())
      checkValue(value, destination)
      return template.render(fromByteText(mode === 'path' ? escapeSegment(value) : value))
    },
  }
}

interface Findings {
  readonly edits: readonly Edit[]
  readonly uriCount: number
  readonly unknownTags: ReadonlySet<string>
}

const nothingFound: Findings = { edits: [], uriCount: 0, unknownTags: new Set() }

function findEdits(text: string, destination: Destination, imports: Imports): Findings {
  const edits: Edit[] = []
  const unknownTags = new Set<string>()
  const variables = new Variables(destination.base, imports)
  const header = destination.mode === 'define' ? defineHeader(text, destination.parameter) : null
  let uriCount = 0

  const attach = (span: Span) => {
    const { from, to } = trimSpan(text, span)
    const placed = placeToken(variables.expand(text.slice(from, to)), destination)
    if (placed === null) return
    edits.push({ from, to, placed })
    header?.uses(from)
    if (placed.length > 1 || header !== null) uriCount++
  }

  for (const entry of entriesOf(text)) {
    if (entry.kind === 'uri') {
      attach(entry.uri)
      continue
    }
    header?.sees(entry)
    const row = uriRows.get(entry.name)
    if (row !== undefined) for (const span of urisOf(text, entry, row)) attach(span)
    else if (entry.name === 'EXT-X-DEFINE') {
      const definition = variables.define(text, entry.value)
      if (definition !== null) header?.defines(definition, entry.line.from)
    } else if (unknownTags.size < maxUnknownTags && !isKnownTag(entry.name)) {
      unknownTags.add(entry.name)
    }
  }
  const added = header?.edits() ?? []
  // The added lines first: one of them may stand where a URI line begins, and must come out before it.
  const all = added.length === 0 ? edits : [...added, ...edits].sort((a, b) => a.from - b.from)
  return { edits: all, uriCount, unknownTags }
}

function urisOf(text: string, { value }: Entry & { kind: 'tag' }, row: UriRow): Span[] {
  if (row.uris === 'value') return [value]
  const spans: Span[] = []
  for (const attribute of attributesOf(text, value)) {
    const { name, quoted } = attribute
    if (quoted && row.uris.includes(name)) spans.push(attribute.value)
    else if (name === row.unless?.[0] && valueText(text, attribute) === row.unless[1]) return []
  }
  return spans
}
