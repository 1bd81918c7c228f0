import type { Span } from './byte-text.ts'

/** Which values of a JSON document matter, by where they stand. What has no entry is skipped. */
export interface Shape {
  /** A string here is a URI; `absolute`: one that players do not resolve. */
  readonly uri?: 'any' | 'absolute'
  /** Of an object, the members of these names. */
  readonly members?: Readonly<Record<string, Shape>>
  /** Of an object, all members. */
  readonly everyMember?: Shape
  /** Of an array, all items. */
  readonly items?: Shape
  /** Must this item of an array go? */
  readonly dropItem?: (item: unknown) => boolean
  /** Must a member of this name go? */
  readonly dropMember?: (name: string) => boolean
}

export interface Visitor {
  /** A URI; the span is what stands between the quotes. */
  uri(span: Span, kind: 'any' | 'absolute'): void
  /** A stretch to be taken out, so that what remains is still JSON. */
  drop(span: Span): void
  /** The value of a stretch of the document. */
  read(span: Span): unknown
}

/**
 * Walks a JSON text that is known to parse, and reports what the shape asks for, in order. Only as deep
 * as the shape goes: everything else is skipped without recursion, so that no nesting overflows a stack.
 *
 * @returns where the value that begins at or behind `at` ends
 */
export function walkJson(text: string, at: number, shape: Shape, visitor: Visitor): number {
  const from = skipSpace(text, at)
  const opening = text[from]
  if (opening === '"' && shape.uri !== undefined) {
    const to = endOfString(text, from)
    visitor.uri({ from: from + 1, to: to - 1 }, shape.uri)
    return to
  }
  const isObject = opening === '{' && (shape.members ?? shape.everyMember) !== undefined
  const isArray = opening === '[' && shape.items !== undefined
  if (isObject || isArray || (opening === '{' && shape.dropMember !== undefined)) {
    return walkContainer(text, from, shape, visitor)
  }
  return endOfValue(text, from)
}

/** Items and members alike: a list of entries between brackets, with commas between them. */
function walkContainer(text: string, opening: number, shape: Shape, visitor: Visitor): number {
  const isObject = text[opening] === '{'
  /** Where the entries end that stay: the first thing to be dropped behind one takes its comma along. */
  let keptTo: number | null = null
  let droppedFrom: number | null = null
  let droppedTo = opening + 1
  const dropUntil = (to: number) => {
    if (droppedFrom !== null) visitor.drop({ from: droppedFrom, to })
    droppedFrom = null
  }
  let at = skipSpace(text, opening + 1)
  while (text[at] !== '}' && text[at] !== ']') {
    const from = at
    let valueAt = from
    let inner: Shape = shape.items ?? {}
    let drops = false
    if (isObject) {
      const keyTo = endOfString(text, from)
      const name = String(visitor.read({ from, to: keyTo }))
      valueAt = skipSpace(text, skipSpace(text, keyTo) + 1)
      inner = ownMember(shape, name)
      drops = shape.dropMember?.(name) ?? false
    } else if (shape.dropItem !== undefined) {
      drops = shape.dropItem(visitor.read({ from, to: endOfValue(text, from) }))
    }
    if (drops) {
      droppedTo = endOfValue(text, valueAt)
      droppedFrom ??= keptTo ?? from
      at = droppedTo
    } else {
      dropUntil(keptTo === null ? from : droppedTo)
      at = walkJson(text, valueAt, inner, visitor)
      keptTo = at
    }
    at = skipSpace(text, at)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  dropUntil(droppedTo)
  return at + 1
}

function ownMember({ members, everyMember }: Shape, name: string): Shape {
  if (members !== undefined && Object.hasOwn(members, name)) return members[name] as Shape
  return everyMember ?? {}
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return at
}

/** Behind the closing quote of the string that begins here. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"' && at < text.length) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function endOfValue(text: string, from: number): number {
  let depth = 0
  let at = skipSpace(text, from)
  do {
    const character = text[at]
    if (character === '"') at = endOfString(text, at)
    else if (character === '{' || character === '[') {
      depth++
      at++
    } else if (character === '}' || character === ']') {
      depth--
      at++
    } else if (depth === 0) {
      while (at < text.length && !/[\s,\]}]/.test(text[at] as string)) at++
    } else at++
  } while (depth > 0 && at < text.length)
  return at
}
