import { OptionError } from '../../shared/codes.ts'

/** What goes by several names: in our own options, in HTTP, and in the libraries that people come from. */
const synonyms: readonly (readonly string[])[] = [
  ['ip', 'clientIp', 'clientAddress'],
  ['subject', 'name', 'sessionId'],
  ['referrer', 'referer'],
  ['path', 'paths', 'acl'],
  ['ttlSeconds', 'lifeSeconds', 'windowSeconds', 'ttl'],
  ['payload', 'data'],
  ['params', 'param'],
  ['headers', 'header'],
  ['iv', 'nonce'],
]

/** The name, among those known, of what somebody calls otherwise or writes in another case. */
function knownFor(name: string, known: object): string | undefined {
  const isLike = (other: string) => other.toLowerCase() === name.toLowerCase()
  const candidates = [
    ...Object.keys(known).filter(isLike),
    ...synonyms.filter((names) => names.some(isLike)).flat(),
  ]
  return candidates.find((other) => Object.hasOwn(known, other))
}

/**
 * Refuses options that there are none of: a restriction that is misspelt would be no restriction.
 *
 * @param known every name that there is
 * @throws {OptionError} naming each that is not among them, with the name that it has here where one is plain
 */
export function refuseUnknown<Options extends object>(
  options: Options,
  known: Readonly<Record<keyof Options, true>>,
): void {
  const problems = Object.keys(options)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => {
      const right = knownFor(name, known)
      const hint = right === undefined ? '' : `: here it is called ${right}`
      return { path: name, message: `unknown option${hint}` }
    })
  if (problems.length > 0) throw new OptionError(problems)
}
