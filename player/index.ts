export { attachSession, withSession } from './hls.ts'
export { createSession } from './session.ts'
export type {
  Credential,
  RenewalReason,
  RequestNote,
  Session,
  SessionEvents,
  SessionOptions,
  SessionState,
  TokenAnswer,
  TokenRequest,
  Transport,
} from './types.ts'
