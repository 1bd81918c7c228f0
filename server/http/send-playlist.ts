import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'koa'
import { PlaybackError } from '../../shared/codes.ts'
import type { Rule } from '../options/options.ts'
import type { OriginAnswer, OriginHeaders } from '../origin/origin.ts'
import { type CompiledPlaylist, compilePlaylist, rewriteJson } from '../playlist/index.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { neverStore, privateCacheControl } from './cache-headers.ts'
import type { Gate } from './gate.ts'
import { isPlaced, type Placed, type Placement } from './hand-out.ts'
import type { PlaylistAnswer } from './media-lifetime.ts'

const compress = promisify(gzip)
/** Below this a gzip header costs more than it saves. */
const worthCompressing = 860

/** Answers a playlist whole: ranges do not count for it, and validators of another body neither. */
export async function sendPlaylist(
  ctx: Context,
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  playlist: PlaylistAnswer,
  placement: Placement,
  query: string,
): Promise<void> {
  ctx.set('Accept-Ranges', 'none')
  ctx.type = playlist.contentType
  if (placement.mode === 'unknown') {
    // The length would be that of a body with a session token, and HEAD mints none.
    ctx.set('Cache-Control', neverStore)
    ctx.status = 200
    ctx.respond = false
    ctx.res.end()
    return
  }
  const bytes = isPlaced(placement)
    ? compiledFor(gate, rule, facts, playlist, placement, query).render(placement.token)
    : playlist.bytes
  setFreshness(ctx, placement, playlist.headers)
  await sendCompressed(ctx, bytes)
}

/** Answers a JSON document: steering manifests and asset lists name URIs too (manifest-uris section 8). */
export async function sendJson(
  ctx: Context,
  rule: Rule,
  facts: RequestFacts,
  document: Extract<OriginAnswer, { kind: 'json' }>,
  placement: Placement,
): Promise<void> {
  const bytes = isPlaced(placement)
    ? rewriteJson(document.bytes, {
        base: baseOf(facts, placement, placement.token, ''),
        parameter: placement.parameter,
        value: placement.token,
        reach: rule.session?.reach ?? [],
        mode: placement.mode,
      })
    : document.bytes
  setFreshness(ctx, placement, document.headers)
  ctx.type = document.contentType
  await sendCompressed(ctx, bytes)
}

function compiledFor(
  gate: Gate,
  rule: Rule,
  facts: RequestFacts,
  playlist: PlaylistAnswer,
  placement: Placed,
  query: string,
): CompiledPlaylist {
  const base = baseOf(facts, placement, 'session', query)
  const key = `${rule.place} ${playlist.version} ${placement.mode} ${placement.parameter} ${base}`
  const known = gate.compiled.get(key)
  if (known !== undefined) return known
  try {
    const compiled = compilePlaylist(playlist.bytes, {
      base,
      parameter: placement.parameter,
      reach: rule.session?.reach ?? [],
      mode: placement.mode,
    })
    gate.compiled.set(key, compiled)
    return compiled
  } catch (error) {
    throw new PlaybackError({
      code: 'ERR_ORIGIN_PLAYLIST',
      reason: 'origin-unavailable',
      detail: 'a playlist that cannot be rewritten',
      cause: error,
    })
  }
}

/**
 * The URL that the client resolves relative URIs against.
 *
 * @param token what stands for the token at the front of the path: a stand-in, where one compiled playlist is
 *   to serve every session
 * @param query without our tokens; variables may be taken from it (`EXT-X-DEFINE:QUERYPARAM`)
 */
function baseOf(facts: RequestFacts, placement: Placed, token: string, query: string): string {
  const inFront = `/${placement.parameter}=`
  const tokenised = placement.mode === 'path' && facts.target.startsWith(inFront)
  const path = (tokenised ? inFront + token : '') + facts.path
  return `${facts.scheme}://${facts.host}${path}${query === '' ? '' : `?${query}`}`
}

function setFreshness(ctx: Context, placement: Placement, origin: OriginHeaders): void {
  const freshness = origin['cache-control']
  const holdsToken = isPlaced(placement) || ctx.res.hasHeader('Playgate-Session')
  // Players of low-latency streams tell from it how old a playlist is.
  if (origin.age !== undefined) ctx.set('Age', origin.age)
  if (placement.mode !== 'open') {
    ctx.set('Cache-Control', holdsToken ? neverStore : privateCacheControl(freshness))
  } else if (freshness !== undefined) {
    ctx.set('Cache-Control', freshness)
  }
}

/** Tokens repeat on every line, so a playlist shrinks tenfold (manifest-uris section 10). */
async function sendCompressed(ctx: Context, bytes: Uint8Array): Promise<void> {
  ctx.vary('Accept-Encoding')
  ctx.status = 200
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (body.length >= worthCompressing && ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    ctx.set('Content-Encoding', 'gzip')
    ctx.body = await compress(body, { level: 4 })
  } else {
    ctx.body = body
  }
}
