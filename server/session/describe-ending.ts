import type { AccessOptions } from '../options/options.ts'
import type { Endings } from './endings.ts'
import type { TokenIdentity } from './proven-access.ts'
import { accessTag } from './session-id.ts'

/** `null`: an access token was neither ended with what it opened, nor revoked with all of its kind. */
export function describeEnding(
  { keyTag }: Pick<AccessOptions, 'keyTag'>,
  { spendId, madeAtMs }: Pick<TokenIdentity, 'spendId' | 'madeAtMs'>,
  endings: Endings,
): string | null {
  if (endings.isAccessEnded(accessTag(spendId))) {
    return 'revoked: everything that it opened was ended'
  }
  if (madeAtMs === null || !endings.isRevoked(keyTag, madeAtMs)) return null
  return 'revoked with all tokens of its kind that were made before'
}
