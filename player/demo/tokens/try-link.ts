import { SiteError } from '../site.ts'
import { takeApart } from './site.ts'

/** What came back for a link. */
export interface Tried {
  readonly status: number
  /** Of a refusal, as everybody is told it. */
  readonly reason: string | null
  /** Which check refused it, as the operator sees it. */
  readonly detail: string | null
}

/**
 * Asks for the link as any player would.
 *
 * @throws {SiteError} when there is no answer
 */
export async function tryToOpen(link: string): Promise<Tried> {
  const response = await fetch(link, { cache: 'no-store' }).catch(() => {
    throw new SiteError(0)
  })
  const { status, ok } = response
  const body: { reason?: unknown } = Object(ok ? null : await response.json().catch(() => null))
  if (ok) {
    await response.text()
    return { status, reason: null, detail: null }
  }
  const { explanation } = await takeApart(link, {})
  const failed = explanation?.checks.findLast(({ outcome }) => outcome === 'failed')
  const reason = typeof body.reason === 'string' ? body.reason : null
  return { status, reason, detail: failed?.detail ?? null }
}
