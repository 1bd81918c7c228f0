import { createSecretKey } from 'node:crypto'
import { edgeauth } from '../../server/token/edgeauth.ts'
import {
  type ClaimFacts,
  type EdgeauthClaims,
  judgeClaims,
} from '../../server/token/edgeauth-verify.ts'
import { judgeTimed, type TimedFacts } from '../../server/token/timed.ts'
import { openTimed, type TimedClaims } from '../../server/token/timed-text.ts'
import type { CanonicalPath } from '../../shared/request-target.ts'
import { parseRequestTarget } from '../../shared/request-target.ts'
import { type EpochSeconds, epochSeconds } from '../../shared/units.ts'

/*
 * What must not compile, and beside it what must. Checked by `tsc -p test`: an expected error that does
 * not come is an error.
 */

declare const facts: ClaimFacts
declare const unproven: EdgeauthClaims

// @ts-expect-error Claims that were merely parsed are not to be acted on.
judgeClaims(unproven, facts)

const result = edgeauth.verify('', { path: '/', keys: [createSecretKey('00', 'hex')] })
if (result.valid) judgeClaims(result.claims, facts)

declare const unprovenTimed: TimedClaims
declare const timedFacts: TimedFacts
// @ts-expect-error What a timed token merely seems to say is not to be acted on.
judgeTimed(unprovenTimed, timedFacts)
const opened = openTimed([], '')
if (opened !== null) judgeTimed(opened.claims, timedFacts)

// @ts-expect-error A refusal has no claims.
if (!result.valid) result.claims

// @ts-expect-error A plain number is no time.
export const time: EpochSeconds = 1_700_000_000
export const rightTime: EpochSeconds = epochSeconds(1_700_000_000)

// @ts-expect-error Text is not a path that was judged.
export const path: CanonicalPath = '/vod/a.m3u8'
const target = parseRequestTarget('/vod/a.m3u8')
export const rightPath: CanonicalPath | null = target.ok ? target.path : null

// @ts-expect-error A token needs a key.
edgeauth.mint({ mode: 'acl', path: '/*', endTime: 1 })
// @ts-expect-error A typo is not silently ignored.
edgeauth.mint({ mode: 'acl', path: '/*', key: '00', endTime: 1, sesionId: 'x' })
