import { protectStream } from '../stage/protected-stream.ts'
import { sampleStream } from '../stage/static-server.ts'

/** What stands for the secret in the documentation, and what takes its place. */
export const secretPlace = 'REPLACE-WITH-THE-SECRET'
export const secret = 'a-secret-of-asking-servers'

type ProtectArguments = Parameters<typeof protectStream>

/** A question and its decision, as the gate's log has it. */
export interface LoggedQuestion {
  readonly peer: string
  readonly path: string
  readonly status: number
  readonly outcome: string
  readonly reason?: string
  readonly client: string
  readonly method: string
}

/** A gate over the sample stream below `/vod`, which a server on this machine may ask. */
export async function startAskedStream(
  session: ProtectArguments[1],
  rule: ProtectArguments[2] = {},
) {
  const stream = await protectStream(sampleStream, session, rule, {
    authorize: { secret },
    trustedProxies: ['127.0.0.1'],
  })
  return {
    ...stream,
    questions: (): LoggedQuestion[] =>
      stream.log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'authorize'),
  }
}

export type AskedStream = Awaited<ReturnType<typeof startAskedStream>>
