import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import { PlaybackError } from '../../shared/codes.ts'
import { answerFile } from './answer-file.ts'
import { contentTypeOf } from './content-type.ts'
import type { Origin, OriginAnswer, OriginMissing, OriginPlaylist } from './contract.ts'
import { directoryPath } from './directory-path.ts'
import { badPlaylist, originFailed } from './failure.ts'
import { readExtent } from './file-body.ts'
import { Flights } from './flights.ts'
import { type OpenFile, openFile } from './open-file.ts'
import type { JudgedOptions } from './options.ts'
import { codeOf } from './outbound-error.ts'
import { isPlaylistPath, judgePlaylist } from './playlist-body.ts'
import { checkTarget } from './request-target.ts'

const missing: OriginMissing = { kind: 'missing', status: 404 }

/** What a kept playlist costs beside its bytes. */
const overheadBytes = 1_024

/** A directory as an origin. Queries mean nothing to it. */
export function createDirectoryOrigin(root: string, options: JudgedOptions): Origin {
  const flights = new Flights<OriginPlaylist | OriginMissing>()
  const kept = createCache(options.playlistCacheBytes)

  const getPlaylist = async (path: string): Promise<OriginPlaylist | OriginMissing> => {
    const file = await openFile(root, path)
    if (file === null) return missing
    try {
      const known = kept?.get(path)
      // The tag stands for size, time and identity: an equal one is the same text.
      if (known?.headers.etag === file.etag) return known
      const playlist = await readPlaylist(file, path, options)
      kept?.set(path, playlist)
      return playlist
    } finally {
      await file.handle.close()
    }
  }

  const get: Origin['get'] = async (request) => {
    const { signal } = request
    signal.throwIfAborted()
    checkTarget(request)
    const path = directoryPath(request.path)
    if (path === null) return missing
    try {
      if (isPlaylistPath(path)) return await flights.join(path, signal, () => getPlaylist(path))
      return await getObject(root, path, request, options)
    } catch (error) {
      throw signal.aborted ? signal.reason : toFailure(error, request.path)
    }
  }

  const check = async (): Promise<void> => {
    try {
      await access(root, constants.R_OK | constants.X_OK)
    } catch (error) {
      throw originFailed(`the directory cannot be read: ${codeOf(error)}`, error)
    }
  }

  return { get, check, close: async () => kept?.clear() }
}

function createCache(maxSize: number): LRUCache<string, OriginPlaylist> | null {
  if (maxSize === 0) return null
  const sizeCalculation = ({ bytes }: OriginPlaylist, key: string) =>
    bytes.length + key.length + overheadBytes
  return new LRUCache({ maxSize, sizeCalculation })
}

async function readPlaylist(
  file: OpenFile,
  path: string,
  { maxPlaylistBytes, maxPlaylistLines, now }: JudgedOptions,
): Promise<OriginPlaylist> {
  if (file.size > maxPlaylistBytes) {
    throw badPlaylist(`the playlist has more than ${maxPlaylistBytes} bytes (/${path})`)
  }
  const bytes = await readExtent(file.handle, { start: 0, length: file.size })
  const { version } = judgePlaylist(bytes, maxPlaylistLines)
  const modified = new Date(file.modifiedMs).toUTCString()
  return {
    kind: 'playlist',
    bytes,
    version,
    contentType: contentTypeOf(path),
    headers:
      file.modifiedMs > now()
        ? { etag: file.etag }
        : { etag: file.etag, 'last-modified': modified },
  }
}

async function getObject(
  root: string,
  path: string,
  request: Parameters<Origin['get']>[0],
  { maxJsonBytes, now }: JudgedOptions,
): Promise<OriginAnswer> {
  const file = await openFile(root, path)
  if (file === null) return missing
  if (request.signal.aborted) {
    await file.handle.close()
    throw request.signal.reason
  }
  return answerFile(file, request, { path, maxJsonBytes, now: now() })
}

function toFailure(error: unknown, path: string): PlaybackError {
  if (error instanceof PlaybackError) return error
  return originFailed(`the file cannot be read: ${codeOf(error) || 'error'} (${path})`, error)
}
