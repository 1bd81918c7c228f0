import { place, resolveUrl } from './place.ts'
import type { Session } from './types.ts'

export { createSession } from './session.ts'
export type * from './types.ts'

/** So often in a row a stream is loaded again that fails at one and the same place. */
const mostReloads = 3

/** Asks for the source as any player would: that opens the session, or shows that its token is refused and renews it. */
async function probe(source: string, url: string, { port }: Session): Promise<void> {
  const note = { url, type: 'manifest', status: 0 }
  let credential = await port.take()
  for (;;) {
    const bare = { url: source, headers: {} }
    const request = credential ? port.place(bare, credential) : bare
    const sent = port.clock()
    const response = await fetch(request.url, {
      headers: request.headers,
      credentials: port.hasCookie ? 'include' : 'same-origin',
    })
    const { status } = response
    if (!port.renewOn.includes(status)) {
      if (note.status) port.tell('recovered', note)
      const header = response.headers.get('playgate-session')
      port.learn(credential, sent, response.url, header, response)
      return
    }
    const before = note.status
    note.status = status
    credential = await port.refused(credential, note, response.json(), before)
    if (!credential) throw Object.assign(new Error('Forbidden'), { code: status })
  }
}

/** @param isDoubted something went wrong, perhaps by the token's fault */
async function findUrl(source: string, session: Session, isDoubted: boolean): Promise<string> {
  const { port } = session
  const url = port.admit(source, true)
  if (!url) return source
  if (isDoubted || !(await port.take())?.isSession) await probe(source, url, session)
  const credential = await port.take()
  if (!credential) return source
  const bare = { url: port.learn(null, port.clock(), source, null) }
  return credential.isSession && !port.hasCookie
    ? place(bare, credential, 'path', new Set()).url
    : port.place(bare, credential).url
}

/**
 * The source with the session's token in front of its path, where all relative URIs inherit it: a URL that is good
 * on its own, for the browser's own player, AirPlay and receivers. It is good for as long as the token is.
 *
 * While the session has no session token the source is asked for once, which opens the session for this page. Who
 * plays the URL must send the same salt headers, unless the rule says otherwise (`saltHeaders`).
 *
 * @returns the source itself when the session does not cover it, or keeps its token in a cookie
 * @throws what `session.get()` rejects with, and what `fetch` does
 */
export function nativeUrl(source: string, session: Session): Promise<string> {
  return findUrl(source, session, false)
}

/**
 * Plays a source by the browser's own player, which shows its requests to nobody. When it fails the source is
 * asked for, the token renewed if that is refused, and the stream loaded again: at the same place (a live stream
 * at its edge), at the same speed, and playing if it was. The page's own listeners hear of an `error` only when
 * that does not help: after three times at one place, and after the session's final refusal.
 *
 * A new source wants a new session: stop this one first.
 *
 * @returns stops that, and leaves the stream as it is
 */
export function attachSession(
  video: HTMLMediaElement,
  session: Session,
  source: string,
): () => void {
  const { port } = session
  const stop = new AbortController()
  const { signal } = stop
  let plays = !video.paused
  let reloads = 0
  let failedAt = -1
  /** What the viewer had before the failure; until it is there again. */
  let lost: { readonly time: number; readonly rate: number; readonly plays: boolean } | undefined

  const load = async (isDoubted: boolean) => {
    try {
      const url = await findUrl(source, session, isDoubted)
      if (signal.aborted) return
      const { rate, plays: goesOn } = lost ?? { rate: video.playbackRate, plays }
      // This stops the playback, and sets its speed back.
      video.src = url
      video.playbackRate = rate
      if (goesOn) video.play().catch(() => {})
    } catch (error) {
      const isFinal = !!Object(error).code
      if (!isFinal) port.tell('error', { error })
      recover(isFinal)
    }
  }

  const recover = (isFinal: boolean) => {
    if (signal.aborted) return
    if (isFinal || reloads === mostReloads) {
      stop.abort()
      // Without a source of ours there is no failure yet. No source at all is one, and asks for nothing.
      if (video.error) video.dispatchEvent(new Event('error'))
      else video.src = ''
    } else {
      // At once after the first failure, then later and later.
      setTimeout(load, 1000 * reloads, true)
      reloads += 1
    }
  }

  const listen = (type: string, listener: (event: Event) => void) =>
    // In the capture phase: before the page's own listeners.
    video.addEventListener(type, listener, { capture: true, signal })

  listen('play', () => {
    plays = true
  })
  listen('pause', () => {
    plays = false
  })
  listen('loadedmetadata', () => {
    if (lost) video.currentTime = lost.time
    lost = undefined
  })
  listen('error', (event) => {
    event.stopImmediatePropagation()
    if (!lost) {
      const { currentTime, playbackRate, duration } = video
      if (Math.abs(currentTime - failedAt) > 1) reloads = 0
      failedAt = currentTime
      // `paused` is set by the failure already, but its event comes later.
      lost = { time: duration < Infinity ? currentTime : 0, rate: playbackRate, plays }
    }
    recover(false)
  })

  // The salt of a session has the page's origin in it, and the browser's player sends that only so.
  if (resolveUrl(source).origin !== location.origin) {
    video.crossOrigin ??= port.hasCookie ? 'use-credentials' : 'anonymous'
  }
  load(false)
  return () => stop.abort()
}
