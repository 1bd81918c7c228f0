import {
  type Answer,
  type StagedGate,
  type StageOptions,
  sessionTokenOf,
  startGate,
} from '../../stage/start-gate.ts'

/** Of the staged configuration. */
export const adminToken = 'correct-horse-battery-staple'
export const bearer = { Authorization: `Bearer ${adminToken}` }
export const adminPath = '/_playgate/admin'
export const playlist = '/vod/film/index.m3u8'
export const segment = '/vod/film/low/1.m4s'

export function startAdminGate(options: StageOptions = {}): Promise<StagedGate> {
  return startGate({
    ...options,
    configuration: { admin: { token: adminToken }, ...options.configuration },
  })
}

/** Asks the admin API; a body is sent as JSON. */
export function askAdmin(
  stage: StagedGate,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return stage.ask(`${adminPath}${path}`, {
    method,
    headers: { ...bearer, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

export interface Playback {
  readonly sessionId: string
  readonly token: string
  readonly accessToken: string
  /** Asks for a segment. */
  goOn(): Promise<Answer>
}

/** Opens a session by asking for the playlist. */
export async function startPlayback(
  stage: StagedGate,
  {
    headers = {},
    ...minting
  }: { subject?: string; path?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Playback> {
  const accessToken = stage.mint(minting)
  const token = sessionTokenOf(await stage.ask(`${playlist}?hdnts=${accessToken}`, { headers }))
  const sessionId = /(?:~id=|,sid=)([0-9a-f]{40})~/.exec(token)?.[1]
  if (sessionId === undefined) throw new Error('a session token without a session id')
  return {
    sessionId,
    token,
    accessToken,
    goOn: () => stage.ask(`${segment}?hdntl=${token}`, { headers }),
  }
}
