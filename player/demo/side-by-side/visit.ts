import { type IssuedToken, post } from '../site.ts'

/** The two players of the page. */
export type PlayerName = 'stock' | 'playgate'

/** How the site treats this page. */
export interface SiteManners {
  readonly isSlow: boolean
  readonly isDenied: boolean
}

/** This page, as its site knows it; each start is another. */
export interface Visit {
  /** @throws {SiteError} */
  requestToken(player: PlayerName, signal: AbortSignal): Promise<IssuedToken>
  /** @throws {SiteError} */
  treat(manners: SiteManners): Promise<void>
  /** Ends the tokens that are out. @throws {SiteError} */
  revoke(): Promise<void>
}

const patienceMs = 10_000

/** @throws {SiteError} */
export async function openVisit(): Promise<Visit> {
  const ask = (path: string, body: object, signal = AbortSignal.timeout(patienceMs)) =>
    post(`/demo/api/side-by-side/${path}`, body, signal)
  const visit = String((await ask('visit', {})).visit)
  return {
    async requestToken(player, signal) {
      const { token, parameter, expiresIn } = await ask('token', { visit, player }, signal)
      return {
        token: String(token),
        parameter: String(parameter),
        expiresIn: Number(expiresIn),
      }
    },
    async treat(manners) {
      await ask('site', { visit, ...manners })
    },
    async revoke() {
      await ask('revoke', { visit })
    },
  }
}
