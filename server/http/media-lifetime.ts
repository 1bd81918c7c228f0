import { parseRequestTarget } from '../../shared/request-target.ts'
import type { Rule } from '../options/options.ts'
import { discardBody } from '../origin/discard-body.ts'
import type { OriginAnswer } from '../origin/origin.ts'
import { describePlaylist } from '../playlist/index.ts'
import type { Gate } from './gate.ts'
import { originPath, publicPath } from './public-path.ts'

/** How long the media behind a playlist lasts, in seconds; `null`: live, or not known. */
export type MediaLifetime = { readonly durationSeconds: number | null }

export type PlaylistAnswer = Extract<OriginAnswer, { kind: 'playlist' }>

/** Stands for our own host while URIs are resolved: nothing outside can bear that name (RFC 2606). */
const placeholder = 'http://playgate.invalid'

/** A multivariant playlist with more media playlists than this is judged by the first ones. */
const mostMediaPlaylists = 64
const askedAtOnce = 6
/** A viewer waits for this at the opening: what has not answered by then is left out. */
const patienceMs = 4_000

/**
 * The duration that a session is opened for: a media playlist's own, or the longest of the media playlists
 * that a multivariant playlist names. Only media playlists on the rule's own origin are fetched (threats
 * T57), through its cache, so that the player's requests for them find them there. One that cannot be had
 * is left out; when none can, or one of them is live, the answer is `null`.
 *
 * @param path canonical path below the origin
 */
export async function mediaLifetime(
  gate: Gate,
  rule: Rule,
  playlist: PlaylistAnswer,
  path: string,
): Promise<MediaLifetime> {
  const key = `${rule.place} ${playlist.version} ${path}`
  const known = gate.lifetimes.get(key)
  if (known !== undefined) return known
  // Whoever asks first pays for all who follow, so his leaving does not stop it; a slow origin does.
  const lifetime = await measure(gate, rule, playlist, path, AbortSignal.timeout(patienceMs))
  gate.lifetimes.set(key, lifetime)
  return lifetime
}

async function measure(
  gate: Gate,
  rule: Rule,
  playlist: PlaylistAnswer,
  path: string,
  signal: AbortSignal,
): Promise<MediaLifetime> {
  const description = describePlaylist(playlist.bytes, {
    base: placeholder + publicPath(rule, path),
  })
  if (description.kind === 'media') return lifetimeOf(description)
  if (description.kind === 'none') return { durationSeconds: null }

  const targets = description.mediaPlaylists.filter((url) => url.startsWith(`${placeholder}/`))
  const lifetimes: MediaLifetime[] = []
  const waiting = targets.slice(0, mostMediaPlaylists)
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const lifetime = await lifetimeAt(gate, rule, next.slice(placeholder.length), signal)
      if (lifetime !== null) lifetimes.push(lifetime)
    }
  }
  await Promise.all(Array.from({ length: askedAtOnce }, worker))

  const durations = lifetimes.map(({ durationSeconds }) => durationSeconds)
  if (durations.length === 0 || durations.includes(null)) return { durationSeconds: null }
  return { durationSeconds: Math.max(...durations.map((duration) => duration ?? 0)) }
}

async function lifetimeAt(
  gate: Gate,
  rule: Rule,
  target: string,
  signal: AbortSignal,
): Promise<MediaLifetime | null> {
  const parsed = parseRequestTarget(target, { allowSemicolon: rule.literalSemicolons })
  const below = parsed.ok ? originPath(rule, parsed.path) : null
  if (!parsed.ok || below === null) return null
  const request = { method: 'GET', path: below, query: parsed.query, headers: {}, signal } as const
  try {
    const answer = await gate.originOf(rule).get(request)
    if (answer.kind !== 'playlist') {
      discardBody(answer)
      return null
    }
    const description = describePlaylist(answer.bytes, { base: placeholder + target })
    return description.kind === 'media' ? lifetimeOf(description) : null
  } catch {
    return null
  }
}

function lifetimeOf(media: { live: boolean; durationSeconds: number }): MediaLifetime {
  return { durationSeconds: media.live ? null : media.durationSeconds }
}
