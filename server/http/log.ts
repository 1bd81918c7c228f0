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

/** Everything up to and including an `hmac=`, raw or percent-encoded: what an EdgeAuth token looks like. */
const tokenShape =
  /(?:[A-Za-z]+(?:=|%3[Dd])[^\s"'/?&;]{0,4096}?(?:~|%7[Ee]))*hmac(?:=|%3[Dd])[0-9A-Fa-f]{8,}/g

/** Text with whatever looks like a token masked. */
export function mask(text: string): string {
  return text.includes('hmac') ? text.replace(tokenShape, '[token]') : text
}
