import { OptionError } from '../../shared/codes.ts'
import { badRequest } from '../http/read-json.ts'

/** What cannot be done with what was asked is a mistake of whoever asked. */
export async function orBadRequest<Result>(
  mistake: typeof RangeError | typeof TypeError,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof mistake) throw badRequest(error.message)
    throw error
  }
}

/**
 * What is wrong with a member is said of the member.
 *
 * @param names of members that are called otherwise where they were found wrong
 */
export async function orNamed<Result>(
  work: () => Result | Promise<Result>,
  names: Readonly<Record<string, string>> = {},
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const problems = error.problems.map(
      ({ path, message }) => `body ${names[path] ?? path}: ${message}`,
    )
    throw badRequest(problems.join('\n'))
  }
}
