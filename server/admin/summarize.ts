import { PlaybackError } from '../../shared/codes.ts'
import type { Gate } from '../http/gate.ts'
import { mostRefusals } from '../http/refusal-log.ts'
import { sessionsOf } from '../http/sessions-of.ts'
import type { Summary } from './schemas.ts'
import { version } from './version.ts'

const minutes = 5
/** Looked at for the figures: pages ask for them every other second. */
const mostCounted = 1_000

/** What goes on, in figures that cost little. */
export async function summarize(gate: Gate): Promise<Summary> {
  const { options, sessions, refusals } = gate
  const since = new Date(gate.nowMs() - minutes * 60_000).toISOString()
  const { latest } = refusals
  const lately = latest.filter(({ at }) => at >= since).length
  return {
    version,
    now: new Date(gate.nowMs()).toISOString(),
    sessions: await countSessions(gate),
    refusals: { lately, minutes, more: lately === mostRefusals },
    store: {
      kind: kindOf(options.store),
      isUp: sessions.isUp,
      silentSeconds: Number.isFinite(sessions.silentMs) ? sessions.silentMs / 1000 : null,
    },
    rules: options.rules.map(({ name, mode, match, session }) => ({
      name,
      mode,
      hosts: match.hosts === null ? null : [...match.hosts],
      paths: [...match.paths],
      hasSessions: session !== null,
    })),
  }
}

/** `null` while the store does not answer. */
async function countSessions(gate: Gate): Promise<Summary['sessions']> {
  try {
    const { sessions, next } = await sessionsOf(gate).list({ limit: mostCounted })
    const active = sessions.filter(({ state }) => state === 'active').length
    return { active, idle: sessions.length - active, more: next !== null }
  } catch (error) {
    if (error instanceof PlaybackError && error.reason === 'store-unavailable') return null
    throw error
  }
}

/** The rest of a location may hold a password. */
function kindOf(location: string): Summary['store']['kind'] {
  const scheme = location.slice(0, location.indexOf(':'))
  return scheme === 'memory' || scheme === 'lmdb' ? scheme : 'redis'
}
