import type { Span } from './byte-text.ts'

/** One `NAME=value` of an attribute list (RFC 8216 section 4.2). */
export interface Attribute {
  readonly name: string
  /** The value: between the quotes when quoted. */
  readonly value: Span
  /** False for unquoted values, and for quoted ones that break the grammar, which nobody should touch. */
  readonly quoted: boolean
}

/**
 * Walks an attribute list with a quote state: a quoted value may hold commas, `=` and text that looks like
 * an attribute. Blanks after a comma occur. A value with text behind its closing quote comes out as
 * unquoted; an unclosed quote ends the walk (spec/manifest-uris section 4).
 */
export function* attributesOf(text: string, { from, to }: Span): Generator<Attribute> {
  for (let at = from; at < to; ) {
    const start = skipBlanks(text, at, to)
    let equals = start
    while (equals < to && text[equals] !== '=' && text[equals] !== ',') equals++
    if (equals === to) return
    if (text[equals] === ',') {
      at = equals + 1
      continue
    }
    const name = text.slice(start, equals).trimEnd()
    const opening = equals + 1
    if (text[opening] !== '"' || opening >= to) {
      const comma = indexWithin(text, ',', opening, to)
      yield { name, value: { from: opening, to: comma }, quoted: false }
      at = comma + 1
      continue
    }
    const closing = indexWithin(text, '"', opening + 1, to)
    if (closing === to) return
    const rest = skipBlanks(text, closing + 1, to)
    if (rest === to || text[rest] === ',') {
      yield { name, value: { from: opening + 1, to: closing }, quoted: true }
      at = rest + 1
      continue
    }
    const comma = commaOutsideQuotes(text, rest, to)
    yield { name, value: { from: opening, to: comma }, quoted: false }
    at = comma + 1
  }
}

/** The text of a value as a player would take it: quotes off, blanks around an unquoted one off. */
export function valueText(text: string, { value, quoted }: Attribute): string {
  const inner = text.slice(value.from, value.to)
  return quoted ? inner : inner.trim()
}

function skipBlanks(text: string, from: number, to: number): number {
  let at = from
  while (at < to && (text[at] === ' ' || text[at] === '\t')) at++
  return at
}

/** Bounded by `to`, unlike `indexOf`: on one long line of attributes that would be quadratic. */
function indexWithin(text: string, character: string, from: number, to: number): number {
  let at = from
  while (at < to && text[at] !== character) at++
  return at
}

function commaOutsideQuotes(text: string, from: number, to: number): number {
  let within = false
  for (let at = from; at < to; at++) {
    if (text[at] === '"') within = !within
    else if (text[at] === ',' && !within) return at
  }
  return to
}
