import { describeReason } from './attempt.ts'
import { SiteError } from './site.ts'

/** What keeps the film from playing, in words, and what the viewer can do. */
export interface Trouble {
  readonly title: string
  readonly advice: string
  /** What the button does; `null`: nothing can be done here. */
  readonly remedy: 'play' | 'restart' | null
}

export const unsupported: Trouble = {
  title: 'This browser cannot play the stream',
  advice: 'It has neither Media Source Extensions nor HLS of its own. Any current browser will do.',
  remedy: null,
}

const serverDown: Trouble = {
  title: 'The demo’s server does not answer',
  advice: 'Is it still running? Start it with “npm start”, then try again.',
  remedy: 'restart',
}

const clickNeeded: Trouble = {
  title: 'Ready',
  advice: 'This browser waits for a click before it plays.',
  remedy: 'play',
}

interface Known {
  /** The reason of a final refusal. */
  readonly denied?: string | null
  /** HTTP status of the request that failed. */
  readonly status?: number | null
}

export function troubleOf(error: unknown, { denied = null, status = null }: Known = {}): Trouble {
  if (error instanceof DOMException && error.name === 'NotAllowedError') return clickNeeded
  if (denied !== null) return refused(denied)
  if (error instanceof SiteError) {
    return error.status === 0 || error.status >= 502 ? serverDown : refused(error.reason)
  }
  if (status === 0) return serverDown
  return {
    title: 'Playback stopped',
    advice: sentence(error) ?? 'The browser does not say why.',
    remedy: 'restart',
  }
}

function refused(reason: string | null): Trouble {
  return {
    title: 'Playgate refused this playback',
    advice: describeReason(reason),
    remedy: 'restart',
  }
}

/** The message of an `Error`, or of a `MediaError`, which is none. */
function sentence(error: unknown): string | null {
  const { message }: { message?: unknown } = Object(error)
  return typeof message === 'string' && message !== '' ? `${message.replace(/\.$/, '')}.` : null
}
