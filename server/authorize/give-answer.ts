import { reasons } from '../../shared/codes.ts'
import type { Answer, Denied, Verdict } from './peer.ts'

interface Statuses {
  readonly allowed: number
  /** `as-decided`: the server passes status, headers and body of a refusal on to the player. */
  readonly denied: number | 'as-decided'
  readonly undecided: number
}

/** An answer in the terms of HTTP: what becomes of a status is the server's own affair. */
export function giveAnswer(verdict: Verdict, { allowed, denied, undecided }: Statuses): Answer {
  switch (verdict.kind) {
    case 'allowed':
      return { status: allowed, headers: sessionHeaders(verdict) }
    case 'preflight':
    case 'notice':
      return { status: allowed }
    case 'denied':
      return denied === 'as-decided'
        ? asDecided(verdict)
        : { status: denied, problem: told(verdict) }
    case 'undecided': {
      const headers = { 'Retry-After': verdict.retryAfter }
      return { status: undecided, headers, problem: told(verdict) }
    }
  }
}

function asDecided(verdict: Denied): Answer {
  const { status, location } = verdict
  const headers = location === null ? {} : { Location: location }
  return { status, headers, problem: told(verdict) }
}

function told({ reason, members }: Pick<Denied, 'reason' | 'members'>): Record<string, unknown> {
  return reason === null ? {} : { reason, renew: reasons[reason].renew, ...members }
}

function sessionHeaders({
  setCookie,
  playgateSession,
}: Pick<Verdict & { kind: 'allowed' }, 'setCookie' | 'playgateSession'>): Record<string, string> {
  return {
    ...(setCookie !== null && { 'Set-Cookie': setCookie }),
    ...(playgateSession !== null && { 'Playgate-Session': playgateSession }),
  }
}
