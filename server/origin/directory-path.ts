/**
 * The path of a file below a directory, relative and with `/`, or null when no file may have it: escapes that
 * are not UTF-8, an encoded separator, a NUL, an empty segment, or a name that begins with a dot (hidden
 * files, `.` and `..` alike). Escapes are undone once.
 */
export function directoryPath(path: string): string | null {
  const segments: string[] = []
  for (const segment of path.slice(1).split('/')) {
    const name = decodeStrictly(segment)
    if (name === null || name === '' || name.startsWith('.')) return null
    if (/[/\\\0]/.test(name)) return null
    segments.push(name)
  }
  return segments.join('/')
}

function decodeStrictly(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}
