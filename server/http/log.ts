import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

/**
 * The one door to the log. Lines are JSON. What looks like a token is masked by shape, wherever it turns up:
 * fields are chosen so that none should, and this is the net below (threats T80).
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => pino.stdSerializers.err(error as Error) },
  }
  return pino(options, masking(destination ?? pino.destination(2)))
}

function masking(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(mask(line)) }
}

/** What ends an EdgeAuth token, raw or percent-encoded. */
const signature = /hmac(?:=|%3[Dd])[0-9A-Fa-f]{8,}/g
/** What stands before a token, or inside one before its last fields. */
const border = /[\s"'/?&;]/

/**
 * Text with whatever looks like a token masked: the signature and what stands before it, up to a border. Walked by hand: whoever
 * asks for a path writes what is searched, and an expression that could fit it in many ways would be a lever (threats T21).
 */
export function mask(text: string): string {
  if (!text.includes('hmac')) return text
  let masked = ''
  let done = 0
  for (const { 0: found, index } of text.matchAll(signature)) {
    let start = index
    while (start > done && !border.test(text[start - 1] ?? '')) start--
    masked += `${text.slice(done, start)}[token]`
    done = index + found.length
  }
  return masked + text.slice(done)
}
