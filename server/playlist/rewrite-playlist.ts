import { compileFor } from './compile-playlist.ts'
import { checkBody, checkValue, judgeOptions, type RewriteOptions, withValue } from './options.ts'

/**
 * The playlist for one session: compiled and rendered at once. For many sessions, compile once.
 *
 * Equal inputs give equal outputs; a second pass with the same token changes nothing, and one with another
 * token replaces the first. A body that is no playlist comes back as it was, in memory of its own.
 *
 * @throws {OptionError} (a `TypeError`) that names the option in the wrong
 * @throws {PlaybackError} as `compilePlaylist` does
 */
export function rewritePlaylist(
  body: Uint8Array,
  options: RewriteOptions,
): Uint8Array<ArrayBuffer> {
  checkBody(body)
  const { destination, imports } = judgeOptions(options, ['value'])
  const { value, base, mode } = options
  if (mode === 'define' && value === undefined) {
    return compileFor(body, destination, imports).render()
  }
  checkValue(value, destination)
  return compileFor(body, withValue(destination, base, value), imports).render(value)
}
