import type { RemoteGrants } from './grants.ts'

/** What becomes of a viewer. */
export interface RemoteDecision extends RemoteGrants {
  readonly allow: boolean
  /** False: the server gave no answer. */
  readonly answered: boolean
  /** What it said before about this session stands, for want of an answer. Else, without one, `onTimeout` has decided. */
  readonly stands?: true
  /** For the log. Holds nothing of the request. */
  readonly detail: string
}
