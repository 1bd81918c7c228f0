import {
  decodeByteText,
  encodeByteText,
  fromByteText,
  type Span,
  toByteText,
  trimSpan,
} from './byte-text.ts'
import type { Destination } from './destination.ts'
import { applyEdits, type Edit } from './edits.ts'
import { type Shape, type Visitor, walkJson } from './json-walk.ts'
import { startOfText } from './lines.ts'
import { MappedText, type Piece } from './mapped-text.ts'
import {
  checkBody,
  checkValue,
  judgeOptions,
  type RewriteJsonOptions,
  withValue,
} from './options.ts'
import { placeToken } from './place.ts'
import { isForeignClone, isTokenParameter } from './steering-clones.ts'
import { Template } from './template.ts'
import { escapeSegment } from './token-segment.ts'

/**
 * A steering manifest, asset list, Date Range schedule or chapter list with the token in the URIs of ours
 * (spec/manifest-uris section 8). Told apart by their shape; of any other document nothing is changed. White
 * space, order, spelling of numbers and repeated keys stay. What does not parse comes back as it was.
 *
 * Two things are taken out of a steering manifest: pathway clones whose `HOST` is out of reach, since
 * players would copy the token to it, and `PARAMS` that would overwrite the token.
 *
 * JSON knows no variables, so define mode places the value itself, as query mode does. An absolute URI
 * stays absolute in path mode; clones' `PER-*-URIS` become absolute, as players do not resolve them.
 *
 * @throws {OptionError} (a `TypeError`) that names the option in the wrong
 */
export function rewriteJson(
  body: Uint8Array,
  options: RewriteJsonOptions,
): Uint8Array<ArrayBuffer> {
  checkBody(body)
  const { destination: judged } = judgeOptions(options, ['value', 'reload'])
  const mode = judged.mode === 'define' ? 'query' : judged.mode
  const { value, base, reload } = options
  checkValue(value, { mode, parameter: judged.parameter })
  const destination = withValue({ ...judged, mode }, base, value)
  const text = toByteText(body)
  const template = new Template(applyEdits(text, findEdits(text, destination, reload)))
  return template.render(fromByteText(mode === 'path' ? escapeSegment(value) : value))
}

function findEdits(text: string, destination: Destination, reload: string | undefined): Edit[] {
  const start = startOfText(text)
  const document = parseJson(text.slice(start))
  if (typeof document !== 'object' || document === null) return []
  const edits: Edit[] = []
  const visitor: Visitor = {
    uri(span, kind) {
      const mapped = readEscapes(text.slice(span.from, span.to))
      const solid = trimSpan(mapped.text, { from: 0, to: mapped.text.length })
      const placed = placeToken(
        { mapped: mapped.slice(solid.from, solid.to), firstUnknown: -1 },
        destination,
        kind === 'absolute' ? 'always' : 'if-written-so',
      )
      if (placed !== null) edits.push({ ...within(span, mapped, solid), placed })
    },
    drop: (span) => edits.push({ ...span, placed: [''] }),
    read: ({ from, to }) => parseJson(text.slice(from, to)),
  }
  if (reload !== undefined && namesNoReload(document)) {
    edits.push(reloadEdit(text, start, destination, reload))
  }
  walkJson(text, start, Array.isArray(document) ? chapters : documentShape(destination), visitor)
  return edits.sort((a, b) => a.from - b.from)
}

/** Where in the document the part of a string stands that remains without surrounding blanks. */
function within(span: Span, mapped: MappedText, solid: Span): Span {
  const lead = mapped.slice(0, solid.from).source.length
  const trail = mapped.slice(solid.to).source.length
  return { from: span.from + lead, to: span.to - trail }
}

const chapters: Shape = {
  items: { members: { images: { items: { members: { url: { uri: 'any' } } } } } },
}

const assetList = { ASSETS: { items: { members: { URI: { uri: 'any' } } } } } as const

const schedule = {
  DATERANGES: {
    items: {
      members: {
        'X-ASSET-URI': { uri: 'any' },
        // The list itself may stand here instead of its URI.
        'X-ASSET-LIST': { uri: 'any', members: assetList },
        'X-URI': { uri: 'any' },
      },
    },
  },
} as const

/** The kinds of objects have no member in common, so that their names tell them apart. */
function documentShape(destination: Destination): Shape {
  const uris: Shape = { everyMember: { uri: 'absolute' } }
  return {
    members: {
      ...assetList,
      ...schedule,
      'RELOAD-URI': { uri: 'any' },
      'PATHWAY-CLONES': {
        dropItem: (clone) => isForeignClone(clone, destination),
        items: {
          members: {
            'URI-REPLACEMENT': {
              members: {
                PARAMS: { dropMember: (name) => isTokenParameter(name, destination) },
                'PER-VARIANT-URIS': uris,
                'PER-RENDITION-URIS': uris,
              },
            },
          },
        },
      },
    },
  }
}

/** A steering manifest (draft-pantos-hls-rfc8216bis section 7.2) that leaves open where it is to be reloaded from. */
function namesNoReload(document: object): boolean {
  return Object.hasOwn(document, 'PATHWAY-PRIORITY') && !Object.hasOwn(document, 'RELOAD-URI')
}

/** The member in front of all others. */
function reloadEdit(text: string, start: number, destination: Destination, reload: string): Edit {
  const at = text.indexOf('{', start) + 1
  const written = encodeByteText(JSON.stringify(reload).slice(1, -1))
  const expansion = { mapped: MappedText.literal(written), firstUnknown: -1 }
  const [first = written, ...rest] = placeToken(expansion, destination) ?? []
  const pieces = [`"RELOAD-URI":"${first}`, ...rest]
  const last = pieces.pop() ?? ''
  return { from: at, to: at, placed: [...pieces, `${last}",`] }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(decodeByteText(text))
  } catch {
    return undefined
  }
}

/** The inside of a JSON string; neighbouring `\u` escapes are one piece, as they may be one character. */
function readEscapes(source: string): MappedText {
  if (!source.includes('\\')) return MappedText.literal(source)
  const pieces: Piece[] = []
  for (const [part] of source.matchAll(/(?:\\u[0-9a-fA-F]{4})+|\\[^u]|[^\\]+/g)) {
    const text = part.startsWith('\\') ? encodeByteText(String(JSON.parse(`"${part}"`))) : part
    pieces.push({ source: part, text })
  }
  return new MappedText(pieces)
}
