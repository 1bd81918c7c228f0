import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'koa'
import { PlaybackError } from '../../shared/codes.ts'
import { removeParameters } from '../../shared/query.ts'
import type { Rule } from '../options/options.ts'
import type { OriginAnswer, OriginHeaders } from '../origin/origin.ts'
import {
  type CompiledPlaylist,
  type CompileOptions,
  compilePlaylist,
  rewriteJson,
} from '../playlist/index.ts'
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
  if (!isPlaced(placement)) {
    setFreshness(ctx, placement, playlist.headers, false)
    return sendCompressed(ctx, playlist.bytes)
  }
  const compiled = compiledFor(gate, rule, facts, playlist, placement, query)
  setFreshness(ctx, placement, playlist.headers, compiled.mode !== 'define')
  await sendCompressed(ctx, compiled.render(placement.token))
}

/** Answers a JSON document: steering manifests and asset lists name URIs too (manifest-uris section 8). */
export async function sendJson(
  ctx: Context,
  rule: Rule,
  facts: RequestFacts,
  document: Extract<OriginAnswer, { kind: 'json' }>,
  placement: Placement,
  query: string,
): Promise<void> {
  const isChanged = isPlaced(placement)
  // JSON knows no variables: for define mode it gets the token itself.
  const bytes = isChanged
    ? rewriteJson(document.bytes, {
        base: baseOf(facts, placement, placement.asked ?? placement.token, ''),
        parameter: placement.parameter,
        value: placement.token,
        reach: rule.session?.reach ?? [],
        mode: placement.mode,
        // Without a word a player reloads what it has, with the old token.
        ...(placement.asked !== undefined && { reload: reloadUri(facts, query) }),
      })
    : document.bytes
  setFreshness(ctx, placement, document.headers, isChanged)
  ctx.type = document.contentType
  await sendCompressed(ctx, bytes)
}

/** What a player adds to each reload is not for the next one (draft-pantos-hls-rfc8216bis section 7.2). */
function reloadUri({ rawPath }: RequestFacts, query: string): string {
  const rest = removeParameters(query, ['_HLS_pathway', '_HLS_throughput'])
  return rest === '' ? rawPath : `${rawPath}?${rest}`
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
  const { parameter, mode } = placement
  const options = { base, parameter, reach: rule.session?.reach ?? [] }
  try {
    const compiled =
      mode === 'define'
        ? compileDefinition(gate, rule, facts, playlist, options)
        : compilePlaylist(playlist.bytes, { ...options, mode })
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

/** Where the origin's own variables are in the way, each session gets a copy of its own after all. */
function compileDefinition(
  gate: Gate,
  rule: Rule,
  { path }: RequestFacts,
  { bytes }: PlaylistAnswer,
  options: Omit<CompileOptions, 'mode'>,
): CompiledPlaylist {
  try {
    return compilePlaylist(bytes, { ...options, mode: 'define' })
  } catch (error) {
    if (!(error instanceof PlaybackError)) throw error
    gate.tellOnce(`${rule.place} ${path}`, () => {
      const line = { event: 'define', rule: rule.name, path, detail: error.message }
      gate.log.warn(line, 'each session gets a copy of this playlist with its token')
    })
    return compilePlaylist(bytes, { ...options, mode: 'query' })
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

function setFreshness(
  ctx: Context,
  placement: Placement,
  origin: OriginHeaders,
  bodyHoldsToken: boolean,
): void {
  const freshness = origin['cache-control']
  const holdsToken = bodyHoldsToken || ctx.res.hasHeader('Playgate-Session')
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
