import type { AccessOptions } from '../options/options.ts'
import { ectokenFormat } from './ectoken-format.ts'
import { edgeauthFormat } from './edgeauth-format.ts'
import { keptFormat } from './kept-format.ts'
import type { AccessFormat } from './proven-access.ts'
import { timedFormat } from './timed-format.ts'

/** How the tokens of this way in are judged. */
export function formatOf(access: AccessOptions): AccessFormat<AccessOptions> {
  // Each is given the options that it was chosen by.
  return choose(access) as AccessFormat<AccessOptions>
}

function choose(access: AccessOptions): AccessFormat<never> {
  switch (access.format) {
    case 'edgeauth':
      return edgeauthFormat
    case 'ectoken':
      return ectokenFormat
    case 'timed':
      return access.isKept ? keptFormat : timedFormat
    case 'managed':
      return keptFormat
  }
}
