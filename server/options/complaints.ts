import { OptionError, type OptionProblem } from '../../shared/codes.ts'

/** Collects what is wrong with a configuration, instead of stopping at the first mistake. */
export class Complaints {
  readonly #problems: OptionProblem[] = []

  add(path: string, message: string): void {
    this.#problems.push({ path, message })
  }

  /** Does something that may throw; what is wrong with it is said of the option at `path`. */
  attempt<T>(path: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (error instanceof OptionError) {
        for (const { message } of error.problems) this.add(path, message)
      } else {
        this.add(path, error instanceof Error ? error.message : String(error))
      }
      return undefined
    }
  }

  /** The same where what is wrong is named by its path inside the option. */
  attemptInside<T>(path: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      if (!(error instanceof OptionError)) throw error
      for (const problem of error.problems) this.add(`${path}.${problem.path}`, problem.message)
      return undefined
    }
  }

  /** @throws {OptionError} with all of them, if there are any */
  throwAny(): void {
    if (this.#problems.length > 0) throw new OptionError(this.#problems)
  }
}
