import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lookup } from 'mime-types'
import { type LoopbackServer, listenOnLoopback } from './loopback.ts'

/** What was asked of a static server. */
export interface StaticRequest {
  readonly method: string
  /** With the query, exactly as it stood in the request line. */
  readonly path: string
  readonly status: number
}

export interface StaticServer extends LoopbackServer {
  readonly requests: readonly StaticRequest[]
}

/** The folder of the committed sample stream; `index.m3u8` is its multivariant playlist. */
export const sampleStream: string = join(import.meta.dirname, '../../player/demo/stream')

/**
 * Serves the files below a folder as they are, whole and to scripts of any origin. It protects nothing: it is
 * what a test compares with, or plays from directly.
 *
 * @param texts what stands at these paths instead of a file, or what becomes of its text
 */
export async function serveFolder(
  folder: string,
  texts: Readonly<Record<string, string | ((text: string) => string)>> = {},
): Promise<StaticServer> {
  const requests: StaticRequest[] = []
  const server = await listenOnLoopback(async (request, response) => {
    const { method = '', url: path = '' } = request
    // URL parsing takes dot segments out, so that nothing above the folder has a name.
    const { pathname } = new URL(path, 'http://static')
    const file = await readFile(join(folder, decodeURIComponent(pathname))).catch(() => null)
    const text = texts[pathname] ?? file
    const body = typeof text === 'function' ? text(String(file)) : text
    const status = body === null ? 404 : 200
    requests.push({ method, path, status })
    response.writeHead(status, {
      'Access-Control-Allow-Origin': '*',
      'Content-Type': lookup(pathname) || 'application/octet-stream',
    })
    response.end(method === 'HEAD' ? undefined : (body ?? 'not there'))
  })
  return { ...server, requests }
}
