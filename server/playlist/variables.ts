import { decodeOnce, readParameter } from '../../shared/query.ts'
import { attributesOf, valueText } from './attributes.ts'
import { encodeByteText, type Span } from './byte-text.ts'
import { MappedText, type Piece } from './mapped-text.ts'

/** Values of the multivariant playlist's variables, by name. */
export type Imports = ReadonlyMap<string, string> | Readonly<Record<string, string>>

export interface Expansion {
  readonly mapped: MappedText
  /** Where in the expanded text the first reference stands whose value is not known; -1: nowhere. */
  readonly firstUnknown: number
}

const reference = /\{\$([A-Za-z0-9_-]+)\}/g

/**
 * No value with these is expanded: a quoted string cannot hold the first three kinds, and written out a
 * `{$` would become a reference that it was not.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const unfit = /[\x00-\x08\x0a-\x1f\x7f"]|\{\$/

/** No server takes a longer URL; and a variable that doubles another, forty times over, fills the memory. */
const maxExpandedLength = 8192
/** Of all expansions of one playlist together, so that many lines cannot do what one must not. */
const maxExpandedTotal = 16 * 1024 * 1024

/** The variables of one playlist, filled line by line (spec/manifest-uris section 6). */
export class Variables {
  readonly #base: URL
  readonly #imports: Imports
  /** `null`: defined, with a value that we do not know or that players would not agree on. */
  readonly #values = new Map<string, string | null>()
  #expandedTotal = 0

  constructor(base: URL, imports: Imports) {
    this.#base = base
    this.#imports = imports
  }

  /** Takes up an `EXT-X-DEFINE`. A definition counts from its line downwards. */
  define(text: string, list: Span): Definition | null {
    const attributes = new Map<string, string>()
    for (const attribute of attributesOf(text, list)) {
      attributes.set(attribute.name, valueText(text, attribute))
    }
    for (const kind of ['NAME', 'IMPORT', 'QUERYPARAM'] as const) {
      const name = attributes.get(kind)
      if (name === undefined) continue
      this.#set(name, this.#valueOf(kind, name, attributes.get('VALUE')))
      return { kind, name }
    }
    return null
  }

  /** A URI with its references expanded. One pass: what a value brings is not expanded again. */
  expand(source: string): Expansion {
    if (!source.includes('{$')) return { mapped: MappedText.literal(source), firstUnknown: -1 }
    const pieces: Piece[] = []
    let done = 0
    let length = 0
    let firstUnknown = -1
    let brought = 0
    const push = (written: string, text: string) => {
      pieces.push({ source: written, text })
      length += text.length
    }
    for (const match of source.matchAll(reference)) {
      if (match.index > done) {
        const between = source.slice(done, match.index)
        push(between, between)
      }
      let value = this.#values.get(match[1] as string) ?? null
      brought += value?.length ?? 0
      if (brought > maxExpandedLength || this.#expandedTotal + brought > maxExpandedTotal)
        value = null
      if (value === null && firstUnknown < 0) firstUnknown = length
      push(match[0], value ?? match[0])
      done = match.index + match[0].length
    }
    this.#expandedTotal += brought
    if (done < source.length) push(source.slice(done), source.slice(done))
    return { mapped: new MappedText(pieces), firstUnknown }
  }

  #valueOf(kind: Definition['kind'], name: string, value: string | undefined): string | null {
    if (kind === 'NAME') {
      if (value === undefined) return null
      const { mapped, firstUnknown } = this.expand(value)
      return firstUnknown < 0 ? mapped.text : null
    }
    if (kind === 'IMPORT') {
      const imported = readImport(this.#imports, name)
      return imported === undefined ? null : encodeByteText(imported)
    }
    // With several parameters of the name a player may take any of them (draft section 4.4.2.3).
    const values = new Set(readParameter(this.#base.search.slice(1), name))
    const [first] = values
    return first === undefined || values.size > 1 ? null : encodeByteText(decodeOnce(first))
  }

  #set(name: string, value: string | null): void {
    const fit = value === null || unfit.test(value) ? null : value
    // A name defined twice fails the playlist; players that go on do not agree on the value.
    const ambiguous = this.#values.has(name) && this.#values.get(name) !== fit
    this.#values.set(name, ambiguous ? null : fit)
  }
}

export interface Definition {
  readonly kind: 'NAME' | 'IMPORT' | 'QUERYPARAM'
  readonly name: string
}

function readImport(imports: Imports, name: string): string | undefined {
  if (imports instanceof Map) return imports.get(name)
  return Object.hasOwn(imports, name) ? (imports as Record<string, string>)[name] : undefined
}
