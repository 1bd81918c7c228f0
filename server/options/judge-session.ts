import type { EdgeauthScheme } from '../token/edgeauth-verify.ts'
import { exactOrigin } from './exact-origin.ts'
import { type AccessSurroundings, canNameSubject } from './judge-access.ts'
import type { AccessOptions, SessionOptions } from './options.ts'
import { readSalt } from './read-secret.ts'
import type { ShapedRule } from './schema.ts'

/** Headers that differ from one request of a playback to the next: as a salt they would end every session. */
const perRequestHeaders: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
  'content-length',
  'content-type',
  'cookie',
  'cmcd-object',
  'cmcd-request',
  'cmcd-status',
])

/** Judges how a rule's sessions are signed, carried and counted; `undefined` after a complaint. */
export function judgeSession(
  place: string,
  rule: ShapedRule,
  session: NonNullable<ShapedRule['session']>,
  access: readonly AccessOptions[],
  { keys, sources, complaints }: AccessSurroundings,
): SessionOptions | undefined {
  const path = `${place}.session`
  const clash = (rule.access ?? []).findIndex((entry) => clashes(entry, session.parameter))
  if (clash >= 0) {
    complaints.add(`${path}.parameter`, `the same name as access[${clash}].parameter`)
  }
  const isCounting = session.maxConcurrent > 0 && rule.remoteAuth === undefined
  // Where an access format has a mistake of its own, nobody knows yet what it can say.
  const isJudged = access.length > 0 && access.length === rule.access?.length
  if (isCounting && isJudged && !access.some(canNameSubject)) {
    complaints.add(
      `${path}.maxConcurrent`,
      'counts by subject, which no access token of this rule can name: add edgeauth, managed or revocable timed tokens, or remoteAuth',
    )
  }
  if (session.carrier.every((carrier) => carrier === 'define')) {
    const others = 'needs another carrier for players that do not say that they can'
    complaints.add(`${path}.carrier`, others)
  }
  const isFixed = session.carrier.every((carrier) => ['path', 'define'].includes(carrier))
  if (session.slidingSeconds > 0 && isFixed) {
    const needed = 'needs a carrier that takes a fresh token up: player, header, cookie or query'
    complaints.add(`${path}.slidingSeconds`, needed)
  }
  const saltHeaders = session.saltHeaders.map((name) => name.toLowerCase())
  for (const [index, name] of saltHeaders.entries()) {
    const at = `${path}.saltHeaders[${index}]`
    if (perRequestHeaders.has(name)) {
      complaints.add(at, `${name} differs between the requests of one playback`)
    }
    if (saltHeaders.indexOf(name) !== index) complaints.add(at, 'named twice')
  }
  for (const [index, origin] of session.reach.entries()) {
    if (exactOrigin(origin) === null) {
      complaints.add(`${path}.reach[${index}]`, 'not an origin such as https://cdn.example.com')
    }
  }
  const salt = complaints.attempt(`${path}.salt`, () => readSalt(session.salt, sources))
  const shared = session.key === undefined ? null : keys.ring(`${path}.key`, session.key, 'hex')
  if (salt === undefined || shared === undefined) return undefined
  const scheme: EdgeauthScheme = {
    keys: shared?.all ?? access.flatMap(({ sessionKeys }) => sessionKeys?.all ?? []),
    algorithm: 'sha256',
    urlEscape: null,
    ignoreQueryString: true,
    clockSkewSeconds: 0,
  }
  // Where no access token has a key, the session has one of its own, or there was a complaint.
  const rightKeys = shared ?? access.find((entry) => entry.keys !== null)?.keys ?? null
  const { maxConcurrent: max, onLimit, idleSeconds } = session
  const counting = rightKeys && {
    onLimit,
    idleSeconds,
    rightKeys: rightKeys.derive('right to end a session v1'),
  }
  return Object.freeze({
    carriers: session.carrier,
    scheme,
    signingKey: shared?.primary ?? null,
    parameter: session.parameter,
    salt,
    saltHeaders,
    maxLifetimeSeconds: session.maxLifetimeSeconds,
    slackSeconds: session.slackSeconds,
    slidingSeconds: session.slidingSeconds,
    cast: session.cast,
    reach: session.reach,
    limit: max === 0 || counting === null ? null : { max, ...counting },
    counting,
  })
}

/** Session tokens are looked for in headers too, whose names have no case. */
function clashes(
  { parameter, carriers }: NonNullable<ShapedRule['access']>[number],
  name: string,
): boolean {
  if (parameter === name) return true
  return carriers.includes('header') && parameter.toLowerCase() === name.toLowerCase()
}
