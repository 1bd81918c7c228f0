/**
 * `playgate/tokens`: make and check tokens without a server. For the backend of a content owner.
 */
export type { TokenLocation } from '../../shared/carrier.ts'
export { OptionError } from '../../shared/codes.ts'
export type { EpochSeconds } from '../../shared/units.ts'
export {
  type CheckRequest,
  type CheckResult,
  ectoken,
  type OpenOptions,
  type OpenResult,
  type SealOptions,
} from './ectoken.ts'
export type { EctokenPolicy, EctokenReason } from './ectoken-check.ts'
export type { EctokenLocateOptions, EctokenLocateResult } from './ectoken-locate.ts'
export type { EctokenParams } from './ectoken-params.ts'
export type { EctokenCall, EctokenInput, SerializeOptions } from './ectoken-serialize.ts'
export { edgeauth, type VerifyOptions, type VerifyResult } from './edgeauth.ts'
export type { FoundToken, LocateOptions, LocateResult } from './edgeauth-locate.ts'
export type { MintFields, MintOptions } from './edgeauth-mint.ts'
export type { EdgeauthClaims, EdgeauthReason } from './edgeauth-verify.ts'
export type { EscapeProfile } from './escape.ts'
export { type KeyInput, Keyring } from './keyring.ts'
export {
  type SignatureReason,
  type SignatureResult,
  type SignedRequest,
  type VerifySignatureOptions,
  verifyRemoteSignature,
} from './remote-signature.ts'
export {
  type TimedFields,
  type TimedMintOptions,
  type TimedReason,
  type TimedRequest,
  type TimedVerifyOptions,
  type TimedVerifyResult,
  timed,
} from './timed.ts'
export type { TimedClaims } from './timed-text.ts'
export type { Verified } from './verified.ts'
