import { foldHeader, neverSent } from './kept-headers.ts'
import type { Addition, Keep, Selection, ShapedRemote } from './options.ts'
import { headerPresets, parameterPresets } from './presets.ts'

type Complain = (path: string, message: string) => void
type ReadSecret = (text: string) => string
type ShapedSelection = ShapedRemote['parameters']

interface Kind {
  /** `parameters` or `headers`. */
  readonly path: string
  /** The spelling that names are compared in. */
  readonly normalize: (name: string) => string
  /** What is wrong with a name, or null. */
  readonly judgeName: (name: string) => string | null
  readonly presets: Readonly<Record<string, Addition['value']>>
}

const parameterKind: Kind = {
  path: 'parameters',
  normalize: (name) => name,
  // Unreserved characters (RFC 3986 section 2.3): every reader decodes them alike.
  judgeName: (name) =>
    /^[A-Za-z0-9\-._~]{1,64}$/.test(name)
      ? null
      : 'not a parameter name: letters, digits, - . _ and ~, at most 64',
  presets: parameterPresets,
}

const headerKind: Kind = {
  path: 'headers',
  normalize: (name) => name.toLowerCase(),
  judgeName(name) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name)) {
      return 'not a header name (RFC 9110 section 5.6.2), at most 64 characters'
    }
    return neverSent.has(foldHeader(name)) ? 'a header that is never sent on, nor added' : null
  },
  presets: headerPresets,
}

/** `parameters` of an entry, judged. */
export function judgeParameters(
  shaped: ShapedSelection,
  readSecret: ReadSecret,
  complain: Complain,
): Selection {
  return judgeSelection(parameterKind, shaped, readSecret, complain)
}

/** `headers` of an entry, judged. */
export function judgeHeaders(
  shaped: ShapedSelection,
  readSecret: ReadSecret,
  complain: Complain,
): Selection {
  return judgeSelection(headerKind, shaped, readSecret, complain)
}

function judgeSelection(
  kind: Kind,
  shaped: ShapedSelection,
  readSecret: ReadSecret,
  complain: Complain,
): Selection {
  const add: Addition[] = []
  for (const [name, text] of Object.entries(shaped.add)) {
    const path = `${kind.path}.add.${name}`
    const wrong = kind.judgeName(name)
    if (wrong !== null) complain(path, wrong)
    const normal = kind.normalize(name)
    if (add.some((other) => other.name === normal)) complain(path, 'named twice')
    const value = judgeValue(kind, path, text, readSecret, complain)
    if (value !== null) add.push(Object.freeze({ name: normal, value }))
  }
  return Object.freeze({ keep: judgeKeep(kind, shaped.keep, complain), add: Object.freeze(add) })
}

function judgeKeep(kind: Kind, keep: ShapedSelection['keep'], complain: Complain): Keep {
  if (keep === 'all' || keep === 'none') return keep
  if (typeof keep === 'string') {
    complain(`${kind.path}.keep`, 'neither all nor none nor a list of names')
    return 'none'
  }
  for (const [index, name] of keep.entries()) {
    const wrong = kind.judgeName(name)
    if (wrong !== null) complain(`${kind.path}.keep[${index}]`, wrong)
  }
  return new Set(keep.map(kind.normalize))
}

function judgeValue(
  { presets }: Kind,
  path: string,
  text: string,
  readSecret: ReadSecret,
  complain: Complain,
): Addition['value'] | null {
  if (text.startsWith('$')) {
    if (Object.hasOwn(presets, text)) return presets[text] ?? null
    complain(path, `no such preset (there: ${Object.keys(presets).join(', ')})`)
    return null
  }
  try {
    const fixed = readSecret(text)
    // Longer than 2048 it would not fit beside the viewer's own into what servers take for a request line.
    if (/^(?:[!-~]|[!-~][ -~]{0,2046}[!-~])$/.test(fixed)) return () => fixed
    complain(path, 'must be 1 to 2048 visible ASCII characters, blanks only in between')
  } catch (error) {
    complain(path, error instanceof Error ? error.message : String(error))
  }
  return null
}
