import { isBareTokenText } from '../../shared/bare-token.ts'
import { type EpochSeconds, epochSecondsFromMilliseconds } from '../../shared/units.ts'
import type { AccessOptions, Options } from '../options/options.ts'
import { isKeptToken, isManagedToken } from '../token/managed.ts'
import { refuseUnknown } from '../token/refuse-unknown.ts'
import { isTimedToken } from '../token/timed-text.ts'
import { type AskedHeaders, readAskedAddress, readAskedHeaders } from './asked-facts.ts'
import { describeEnding } from './describe-ending.ts'
import type { Endings } from './endings.ts'
import { inspectEdgeauth } from './inspect-edgeauth.ts'
import { inspectKept, inspectOpened } from './inspect-opaque.ts'
import type { Judging } from './judging.ts'
import type { TokenIdentity } from './proven-access.ts'
import type { RequestFacts } from './request-facts.ts'

export interface InspectedToken {
  readonly format: AccessOptions['format']
  readonly kind: 'access' | 'session'
  /**
   * What it says. Of an EdgeAuth token as it stands there, not proven; of the others what a key of the configuration, or its store,
   * gives away. `null`: nothing does.
   */
  readonly fields: Readonly<Record<string, unknown>> | null
  /** What each rule says to it; empty without a configuration. */
  readonly verdicts: readonly Verdict[]
}

export interface Verdict {
  readonly rule: string
  readonly valid: boolean
  /** Which key made it. */
  readonly key?: 'primary' | 'transition' | undefined
  /** Why not. */
  readonly reason?: string | undefined
  readonly detail: string
}

/**
 * What to judge a token by besides the clock. What is left out is not judged, and the verdict says so.
 */
export interface InspectFacts extends Pick<RequestFacts, 'headers' | 'host'> {
  readonly path: string | null
  readonly query: string
  readonly clientAddress: string | undefined
  readonly now: EpochSeconds
  /** What the store has of the token, where there is one to be asked. */
  readonly kept?: Judging['kept'] | undefined
  /** What was ended, where that is known. */
  readonly endings?: Endings | undefined
}

/** The verdict on a token that is good by itself, and may have been revoked. */
export function judgeEnding(
  verdict: Verdict,
  access: AccessOptions,
  identity: Pick<TokenIdentity, 'spendId' | 'madeAtMs'> | null,
  { endings }: InspectFacts,
): Verdict {
  if (!verdict.valid || identity === null || endings === undefined) return verdict
  const detail = describeEnding(access, identity, endings)
  return detail === null ? verdict : { ...verdict, valid: false, reason: 'revoked', detail }
}

/** What a person gives to judge a token by. */
export interface InspectRequest {
  /** Left out or `null`: its paths are not judged. */
  readonly path?: string | null | undefined
  readonly query?: string | undefined
  readonly headers?: AskedHeaders | undefined
  /** Left out: its address is not judged. */
  readonly clientAddress?: string | undefined
}

const requestNames = { path: true, query: true, headers: true, clientAddress: true } as const

/**
 * @param nowMs milliseconds since 1970
 * @throws {OptionError} for an unknown option, and a `clientAddress` that is none
 */
export function inspectFacts(request: InspectRequest, nowMs: number): InspectFacts {
  refuseUnknown(request, requestNames)
  const { path = null, query = '', headers: asked = {}, clientAddress } = request
  const headers = readAskedHeaders(asked)
  return {
    path,
    query,
    headers,
    host: headers.get('host')?.[0] ?? 'localhost',
    clientAddress: clientAddress === undefined ? undefined : readAskedAddress(clientAddress),
    now: epochSecondsFromMilliseconds(nowMs),
  }
}

/**
 * Takes a token of any format apart and asks each rule about it.
 *
 * @returns `null` for text that has the form of none
 */
export function inspectToken(
  text: string,
  options: Options | null,
  facts: InspectFacts,
): InspectedToken | null {
  if (isKeptToken(text)) {
    return inspectKept(isManagedToken(text) ? 'managed' : 'timed', text, options, facts)
  }
  if (isTimedToken(text)) return inspectOpened('timed', text, options, facts)
  const edgeauth = inspectEdgeauth(text, options, facts)
  if (edgeauth !== null) return edgeauth
  return isBareTokenText(text) ? inspectOpened('ectoken', text, options, facts) : null
}
