import type { OptionProblem } from '../../shared/codes.ts'
import { notYetAvailable } from './schema.ts'

/** Options of the design that this version does not carry out, where they are set to do something. */
export function findUnavailable(raw: unknown): OptionProblem[] {
  return notYetAvailable.flatMap(({ path, unless = [] }) =>
    valuesAt(raw, path.split('.'), '')
      .filter(({ value }) => !unless.includes(value))
      .map((found) => ({ path: found.path, message: 'not available in this version of Playgate' })),
  )
}

/** Every value at a path pattern such as `rules[].access[].singleUse`; a lone object passes for a list of one. */
function valuesAt(
  value: unknown,
  [part, ...rest]: string[],
  path: string,
): { path: string; value: unknown }[] {
  if (part === undefined) return [{ path, value }]
  if (typeof value !== 'object' || value === null) return []
  const isList = part.endsWith('[]')
  const name = isList ? part.slice(0, -2) : part
  if (!Object.hasOwn(value, name)) return []
  const here = path === '' ? name : `${path}.${name}`
  const inner: unknown = (value as Record<string, unknown>)[name]
  if (!isList) return valuesAt(inner, rest, here)
  if (!Array.isArray(inner)) return valuesAt(inner, rest, here)
  return inner.flatMap((item, index) => valuesAt(item, rest, `${here}[${index}]`))
}
