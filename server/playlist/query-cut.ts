import { isBareToken } from '../../shared/bare-token.ts'
import { readParameter, splitUrl } from '../../shared/query.ts'
import { MappedText } from './mapped-text.ts'

/** A reference taken apart where a parameter goes, any earlier pair of its name already gone. */
export interface QueryCut {
  /** Path and remaining query, `?` included. */
  readonly before: MappedText
  /** What must stand between that and a new pair: `?`, `&` or nothing. */
  readonly glue: '?' | '&' | ''
  /** With its `#`, or empty. */
  readonly fragment: MappedText
  /** Was there a pair of that name? */
  readonly found: boolean
}

/**
 * Cuts a reference for placing the parameter `name` at the end of its query (spec/manifest-uris section 3).
 * Pairs whose percent-decoded name is `name` are left out, or the bare tokens when it is empty; all others keep
 * text and order, empty ones included. Cutting what was placed behind such a cut gives the same cut again.
 */
export function cutQuery(mapped: MappedText, name: string): QueryCut {
  const { head, query, fragment } = splitUrl(mapped.text)
  const fragmentAt = mapped.text.length - fragment.length
  const tail = mapped.slice(fragmentAt)
  if (query === null) {
    return { before: mapped.slice(0, fragmentAt), glue: '?', fragment: tail, found: false }
  }
  const pairs = query.split('&')
  const stays = pairs.map((pair) =>
    name === '' ? !isBareToken(pair) : readParameter(pair, name).length === 0,
  )
  if (stays.every(Boolean)) {
    const before = mapped.slice(0, fragmentAt)
    return { before, glue: glueBehind(before, query), fragment: tail, found: false }
  }
  const kept = pairs.filter((_, index) => stays[index])
  const before = keepPairs(mapped, head.length, pairs, stays)
  if (kept.length === 0) return { before, glue: '?', fragment: tail, found: true }
  // Where our pair was the last, the `&` before it was ours too: `a=1&&` must not lose one each time.
  const glue = stays.at(-1) === true ? glueBehind(before, kept.join('&')) : '&'
  return { before, glue, fragment: tail, found: true }
}

/**
 * Nothing is needed behind a `?` or `&` that stands in the text itself. One that a variable brings does not
 * count: the next pass, which takes our pair out, could not tell it from the one before our pair.
 */
function glueBehind({ source }: MappedText, query: string): '&' | '' {
  return source.endsWith('&') || (query === '' && source.endsWith('?')) ? '' : '&'
}

/** The reference up to its fragment with only the pairs that stay; references inside stay whole if they can. */
function keepPairs(
  mapped: MappedText,
  markAt: number,
  pairs: readonly string[],
  stays: readonly boolean[],
): MappedText {
  const parts: MappedText[] = []
  let runFrom = 0
  let runTo = markAt
  let separator = '?'
  let at = markAt + 1
  pairs.forEach((pair, index) => {
    if (stays[index]) {
      // Directly behind what is kept already, the separator between the two is kept with them.
      if (runTo < at - 1) {
        parts.push(mapped.slice(runFrom, runTo), MappedText.literal(separator))
        runFrom = at
      }
      runTo = at + pair.length
      separator = '&'
    }
    at += pair.length + 1
  })
  parts.push(mapped.slice(runFrom, runTo))
  return MappedText.join(parts)
}
