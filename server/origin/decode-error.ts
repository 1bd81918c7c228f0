/** Why a body could not be decoded. */
export type DecodeProblem = 'too-large' | 'broken' | 'unknown'

export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly problem: DecodeProblem

  constructor(problem: DecodeProblem, detail: string, cause?: unknown) {
    super(`${problem}: ${detail}`, cause === undefined ? undefined : { cause })
    this.problem = problem
  }
}
