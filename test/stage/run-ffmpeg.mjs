import { spawnSync } from 'node:child_process'

/**
 * Runs ffmpeg to its end; what it warns about goes to stderr.
 *
 * @param {readonly string[]} words its arguments
 * @throws {Error} when there is no ffmpeg, or it fails
 */
export function runFfmpeg(words) {
  const all = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...words]
  const run = spawnSync('ffmpeg', all, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (run.error) throw new Error(`cannot run ffmpeg: ${run.error.message}`)
  if (run.status !== 0) throw new Error(`ffmpeg ended with ${run.status ?? run.signal}`)
}
