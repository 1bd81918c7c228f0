import type { OriginAnswer } from './contract.ts'

/** Gives an answer up that nobody will read: a stream that is neither read nor destroyed holds its connection. */
export function discardBody(answer: OriginAnswer): void {
  if (answer.kind === 'object' && answer.body !== null && 'destroy' in answer.body) {
    answer.body.destroy()
  }
}
