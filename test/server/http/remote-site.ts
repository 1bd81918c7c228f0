import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Configuration } from '../../../server/index.ts'
import { type StagedGate, startGate } from '../../stage/start-gate.ts'

export const playlist = '/vod/film/index.m3u8'
export const segment = '/vod/film/low/1.m4s'

export interface Site {
  readonly url: string
  readonly asked: { method: string; url: string; headers: IncomingMessage['headers'] }[]
  answer: (request: IncomingMessage, response: ServerResponse) => void
}

export const says =
  (status: number, headers: Record<string, string> = {}) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, headers).end()
  }

/** A site's own server, which notes what it is asked. */
export async function startSite(answer: Site['answer'] = says(200)): Promise<Site> {
  const site: Site = { url: '', asked: [], answer }
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    site.asked.push({ method, url, headers })
    site.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close().closeAllConnections())
  const { port } = server.address() as { port: number }
  return Object.assign(site, { url: `http://127.0.0.1:${port}/may-play` })
}

export type RemoteOptions = Partial<NonNullable<Configuration['remotes']>[string]>

/** A gate whose rule `film` asks that site. */
export function startAsking(
  site: Site,
  remote: RemoteOptions = {},
  options: Parameters<typeof startGate>[0] = {},
): Promise<StagedGate> {
  return startGate({
    ...options,
    rule: { remoteAuth: 'site', ...options.rule },
    configuration: {
      remotes: { site: { url: site.url, timeoutMs: 500, retries: 0, ...remote } },
      ...options.configuration,
    },
  })
}

/** Of the film, with an access token. */
export const linkOf = (stage: StagedGate, subject?: string) =>
  `${playlist}?hdnts=${stage.mint(subject === undefined ? {} : { subject })}`
