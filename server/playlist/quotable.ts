/**
 * Text of a serialised URL, made fit for a quoted string of a playlist or of JSON: the URL serialiser
 * leaves a backslash in a query alone, and braces, which would make a variable reference.
 */
export function quotable(text: string): string {
  return text.replaceAll('\\', '%5C').replaceAll('{$', '%7B$')
}
