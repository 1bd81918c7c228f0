import { PlaybackError } from '../../shared/codes.ts'
import type { Edit } from './edits.ts'
import type { Entry } from './tags.ts'
import type { Definition } from './variables.ts'

/** `QUERYPARAM` came with protocol version 11; spec/manifest-uris section 9. */
const versionNeeded = 11

type Tag = Entry & { kind: 'tag' }

/**
 * What define mode changes besides the URIs: the definition of the parameter behind `#EXTM3U` (and behind
 * an `EXT-X-VERSION` that follows at once), and a version that allows it. A playlist without a URI of ours,
 * or that is so defined already, needs neither.
 */
export interface DefineHeader {
  sees(tag: Tag): void
  defines(definition: Definition, at: number): void
  uses(at: number): void
  /** @throws {PlaybackError} when the playlist's own variables are in the way */
  edits(): Edit[]
}

export function defineHeader(text: string, parameter: string): DefineHeader {
  let head: Tag | undefined
  let isVersionNext = false
  let firstUse = Number.POSITIVE_INFINITY
  let definedAt: number | undefined
  let taken = false
  const versions: Tag[] = []

  return {
    sees(tag) {
      if (head === undefined) head = tag
      else if (tag.name === 'EXT-X-VERSION') {
        if (versions.length === 0) isVersionNext = tag.line.from === head.next
        versions.push(tag)
      }
    },
    defines({ kind, name }, at) {
      if (name !== parameter) return
      if (kind === 'NAME') taken = true
      definedAt ??= at
    },
    uses(at) {
      firstUse = Math.min(firstUse, at)
    },
    edits() {
      if (head === undefined || firstUse === Number.POSITIVE_INFINITY) return []
      if (taken) throw conflict('defines a variable of the same name')
      if (definedAt !== undefined && definedAt > firstUse) {
        throw conflict('defines it only behind the first URI that needs it')
      }
      const terminator = text.slice(head.line.to, head.next)
      const edits = versions.flatMap((tag) => raiseVersion(text, tag))
      let added = versions.length === 0 ? `#EXT-X-VERSION:${versionNeeded}${terminator}` : ''
      if (definedAt === undefined) {
        added += `#EXT-X-DEFINE:QUERYPARAM="${parameter}"${terminator}`
      }
      const [version] = versions
      const at = isVersionNext && version !== undefined ? version.next : head.next
      if (added !== '') edits.push({ from: at, to: at, placed: [added] })
      return edits.sort((a, b) => a.from - b.from)
    },
  }
}

function raiseVersion(text: string, { value }: Tag): Edit[] {
  const [, blanks = '', digits] =
    /^([ \t]*)(\d+)[ \t]*$/.exec(text.slice(value.from, value.to)) ?? []
  // A version that is no number is left as it is, like all that is malformed.
  if (digits === undefined || Number(digits) >= versionNeeded) return []
  const from = value.from + blanks.length
  return [{ from, to: from + digits.length, placed: [String(versionNeeded)] }]
}

function conflict(what: string): PlaybackError {
  return new PlaybackError({
    code: 'ERR_ORIGIN_PLAYLIST',
    reason: 'origin-unavailable',
    detail: `define mode: the origin's playlist ${what}; choose another parameter`,
  })
}
