import type { Session, SessionEvents, TokenRequest } from '../../player/types.ts'

const names = ['renewing', 'renewed', 'held', 'rejected', 'recovered', 'denied', 'error'] as const

/** All that the session tells. */
export function recordEvents(session: Session): [name: keyof SessionEvents, detail: object][] {
  const told: [keyof SessionEvents, object][] = []
  for (const name of names) session.on(name, (detail) => told.push([name, detail]))
  return told
}

/** A `getToken` that numbers its tokens, and what it was asked. */
export function issueTokens(life?: number) {
  const asked: TokenRequest[] = []
  const getToken = async (request: TokenRequest) => {
    asked.push(request)
    const token = `token-${asked.length}`
    return life === undefined ? token : { token, expiresIn: life }
  }
  return { asked, getToken }
}
