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

// What not every page needs. A bundler leaves out what is not imported.

export { type ExchangedToken, exchangeToken, type TokenExchange } from './exchange-token.ts'
export { learnHeaders } from './learn-headers.ts'
export { p2pRequestSetup } from './p2p.ts'
export { withLicense } from './with-license.ts'
