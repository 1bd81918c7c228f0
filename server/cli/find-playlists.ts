import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

/** Enough to find a stream to print; a library of millions of files is not walked for that. */
const mostFolders = 200
const mostPlaylists = 200

/**
 * Playlists below a directory that a person would want to play, as URL paths: multivariant ones, or, where
 * there are none, media playlists. At most five.
 */
export async function findPlaylists(directory: string): Promise<string[]> {
  const playlists = await walk(directory)
  const multivariant: string[] = []
  for (const file of playlists) {
    const start = await readFile(file, 'latin1').catch(() => '')
    if (start.includes('#EXT-X-STREAM-INF')) multivariant.push(file)
  }
  const chosen = multivariant.length > 0 ? multivariant : playlists
  return chosen.slice(0, 5).map((file) => urlPath(directory, file))
}

async function walk(directory: string): Promise<string[]> {
  const found: string[] = []
  const folders = [directory]
  for (let seen = 0; seen < mostFolders && found.length < mostPlaylists; seen += 1) {
    const folder = folders.shift()
    if (folder === undefined) break
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else if (/\.m3u8$/i.test(entry.name)) found.push(path)
    }
  }
  return found
}

function urlPath(directory: string, file: string): string {
  return `/${relative(directory, file).split(sep).map(encodeURIComponent).join('/')}`
}
