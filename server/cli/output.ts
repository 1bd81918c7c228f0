/** How a command ends: 0 done, 1 the answer is no, 2 wrong usage. */
export type ExitStatus = 0 | 1 | 2

/** What a command reads and writes; tests put their own in. */
export interface Terminal {
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A mistake in how a command was called. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** `2026-11-23T06:25:00Z, in 5 min` for a person. */
export function describeTime(epochSeconds: number, now: number): string {
  const date = new Date(epochSeconds * 1000)
  if (Number.isNaN(date.getTime())) return 'beyond any calendar (milliseconds by mistake?)'
  const text = date.toISOString().replace('.000Z', 'Z')
  const away = epochSeconds - Math.floor(now / 1000)
  return `${text}, ${away >= 0 ? `in ${span(away)}` : `${span(-away)} ago`}`
}

function span(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ] as const
  for (const [length, name] of units) {
    if (seconds >= length) return `${Math.round(seconds / length)} ${name}`
  }
  return `${seconds} s`
}
