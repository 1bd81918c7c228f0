import * as general from './schemas.ts'
import * as token from './token-schemas.ts'

/** By the names under which the OpenAPI document has them. */
export const namedSchemas = {
  Problem: general.problem,
  Session: general.sessionView,
  SessionList: general.sessionList,
  EndSelector: general.endSelector,
  EndedCount: general.endedCount,
  EndedSession: general.endedSession,
  MintRequest: token.mintRequest,
  TimedRequest: token.timedRequest,
  ManagedRequest: token.managedRequest,
  MintedToken: token.mintedToken,
  KeptToken: token.keptToken,
  KeptTokenList: token.keptTokenList,
  RevokeSelector: token.revokeSelector,
  RevokedCount: token.revokedCount,
  InspectRequest: token.inspectRequest,
  InspectedToken: token.inspectedToken,
  ExplainRequest: general.explainRequest,
  Check: general.check,
  Explanation: general.explanation,
  Refusal: general.refusal,
  RefusalList: general.refusalList,
  Summary: general.summary,
  ApiDescription: general.apiDescription,
} as const
