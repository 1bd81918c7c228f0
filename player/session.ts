import { readPlaygateSession } from '../shared/playgate-session.ts'
import { createClock } from './clock.ts'
import { type HeldCredential, toCredential } from './credential.ts'
import { objectOf, postTokens } from './exchange-token.ts'
import { place, resolveUrl } from './place.ts'
import type { Problem, RenewalReason, Session, SessionOptions } from './types.ts'

/** What a request is told that may not even be sent. hls.js takes it for a server's answer. */
const refusal = Object.assign(new Error('refused'), { code: 403, text: 'refused' })

type Refused = Problem & { readonly status: number }

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * One playback session: it gets a token, keeps it fresh and says what each request carries. It knows no
 * player; `withSession` and the other adapters bring the two together. A new source wants a new session.
 *
 * Renewals are decided when a request comes, never by timers: browsers slow those down in the background
 * and stop them in sleep. A paused player asks for nothing.
 *
 * @param clock for tests
 * @throws {TypeError} for an unknown option or transport, and for an origin that is no URL
 */
export function createSession(
  {
    getToken,
    origins,
    transport = 'query',
    parameter,
    renewAhead = 1 / 3,
    timeoutMs = 10_000,
    renewOn = [401, 403],
    keepTokenInResponseUrl,
    exchange = '/_playgate/session',
    ...unknown
  }: SessionOptions = {},
  clock = createClock(),
): Session {
  for (const name in unknown) throw new TypeError(`unknown option ${name}`)
  if (!/^(query|header|cookie|path)$/.test(transport)) throw new TypeError('unknown transport')
  const listeners = new Set<readonly [string, (detail: never) => void]>()
  const names = new Set([parameter ?? 'hdnts'])
  const aheadShare = renewAhead * (1 - Math.random() / 4)
  const hasCookie = transport === 'cookie'
  let reach = origins?.map((origin) => new URL(origin).origin)
  let source: URL | undefined
  let flight: Promise<HeldCredential | null> | undefined
  let current: HeldCredential | null = null
  let closed: 'denied' | 'destroyed' | undefined
  /** Nobody waits for the renewal in progress. */
  let isAhead: boolean | undefined
  /** Of the renewal in progress, as are the next two. */
  let abort: AbortController
  let deadline: ReturnType<typeof setTimeout> | undefined
  /** Who waits has the token in use for `null`, and an error otherwise. */
  let end = (_?: Error | null) => {}
  /** Twice that is waited before the next try. It grows from renewal to renewal: a server in trouble is not asked the more. */
  let pauseMs = 250

  const tell: Session['port']['tell'] = (event, detail) => {
    // Later, so that what a listener throws is reported like any mistake of the page and stops nothing here.
    for (const [name, listener] of listeners) {
      // After `destroy` there are none.
      if (name === event) queueMicrotask(() => listeners.size && listener({ ...detail } as never))
    }
  }

  /** The last word, where what a server said is a refusal: a status that says so, and perhaps a problem document. */
  const deny = ({ status, reason, sessions, endRight }: Refused) => {
    if (closed || !renewOn.includes(status)) return
    closed = 'denied'
    end(refusal)
    // Whatever a server says, it brings no token into an event: the reason is a word, and all else is for the list to choose from.
    tell('denied', {
      status,
      reason: /^[a-z-]+$/.exec(reason ?? '')?.[0],
      sessions,
      endRight,
    })
  }

  /** Seconds. */
  const lifeLeft = () => current && current.life - (clock() - current.sent) / 1000

  /** An older answer never replaces a newer token. */
  const adopt = (next: HeldCredential | null) => {
    if (next && !closed && !(current && current.sent > next.sent)) {
      current = next
      names.add(next.parameter)
    }
  }

  /** Asks until there is an answer, or the renewal that it is part of is over. */
  const ask = async (reason: RenewalReason) => {
    const { signal } = abort
    let wasRefused: boolean | undefined
    clearTimeout(deadline)
    deadline = setTimeout(end, timeoutMs)
    // Page code runs later: it may ask the session itself, or end it.
    await null
    if (!signal.aborted) tell('renewing', { reason })
    while (!signal.aborted) {
      try {
        const old = current
        const sent = clock()
        const offer = await getToken?.({ reason, previous: old?.token ?? null, signal })
        let next = toCredential(offer, sent, false, parameter)
        if (old?.isSession && next?.isSession === false && exchange && source) {
          const response = await postTokens(
            new URL(exchange, source),
            { accessToken: next.token, path: source.pathname, sessionToken: old.token },
            { ...(hasCookie && { credentials: 'include' }), signal },
          )
          const answer = await objectOf(response.json())
          const { status } = response
          // A first no may be of bad luck; the second in a row is not.
          if (wasRefused || answer.renew === false) deny({ ...answer, status })
          wasRefused = renewOn.includes(status)
          next = toCredential(response.ok && answer, sent, true)
        }
        if (!next) throw new Error('bad token')
        adopt(next)
        pauseMs = 250
        if (current === next) tell('renewed', { reason })
        // For all who wait; whoever asked beside this is aborted.
        return signal.aborted || end(null)
      } catch (error) {
        // Nobody waits for it any more, so that not even a no counts.
        if (!signal.aborted) deny(Object(error))
        if (!signal.aborted) {
          tell('error', { error })
          // Beyond the deadline it ends no wait any more; beyond 2^31 a timer would fire at once.
          pauseMs = Math.min(pauseMs * 2, 1e5)
          await sleep(pauseMs * (0.5 + Math.random()))
        }
      }
    }
  }

  /** One renewal at a time, for everybody. It ends with a token, with the session, or at the deadline. */
  const renew = (reason: RenewalReason): Promise<HeldCredential | null> => {
    if (closed) return Promise.reject(refusal)
    if (flight && !isAhead) return flight
    isAhead = reason === 'ahead'
    // One that ran ahead may hang, so that who has to wait asks beside it; the first answer is good for both. After a
    // refusal it may bring a token of before, and is given up where nobody waits for it yet.
    if (!flight || reason !== 'expired') {
      end()
      abort = new AbortController()
      flight = new Promise<HeldCredential | null>((resolve, reject) => {
        end = (error: Error | null = new Error('late token')) => {
          abort.abort()
          flight = undefined
          if (error) reject(error)
          else resolve(current)
        }
      })
      // Of one that runs ahead nobody waits for the end.
      flight.catch((error) => closed || tell('error', { error }))
    }
    ask(reason)
    return flight
  }

  const take = () => {
    // Without a token it is null, which counts as 0.
    const left = lifeLeft() as number
    if (closed || (left <= 0 && getToken)) return renew(current ? 'expired' : 'start')
    if (getToken && current && !flight && left < current.life * aheadShare) renew('ahead')
    return current
  }

  const strip = (url: string) => place({ url }, null, transport, names).url

  const admit = (url: string, isSource?: boolean) => {
    try {
      const parsed = resolveUrl(url)
      // `data:` and `blob:` have no host, though a blob has the page's origin. Neither goes to a server.
      const { host, origin, pathname } = parsed
      if (isSource) reach ??= [host && origin]
      if (host && reach?.includes(origin)) {
        source ??= parsed
        return strip(origin + pathname)
      }
    } catch {}
    return null
  }

  const session: Session = {
    get state() {
      return closed ?? (flight ? 'renewing' : current ? 'ready' : 'idle')
    },

    get expiresIn() {
      return lifeLeft()
    },

    async get() {
      return take()
    },

    async renew() {
      if (closed === 'denied') closed = undefined
      return getToken ? renew('manual') : take()
    },

    on(...entry) {
      listeners.add(entry)
      return () => listeners.delete(entry)
    },

    destroy() {
      closed = 'destroyed'
      current = null
      end(refusal)
      listeners.clear()
    },

    port: {
      hasCookie,
      renewOn,
      clock,
      take,
      tell,
      admit,
      place: (request, credential) => place(request, credential, transport, names),

      learn(credential, sent, url, header) {
        if (credential) credential.proven = true
        const isOurs = url && admit(url)
        if (isOurs && header) {
          // Behind all redirects: the rule that opened the session is the one to prolong it.
          if (!current?.isSession) source = resolveUrl(isOurs)
          adopt(toCredential(readPlaygateSession(header), sent, true))
        }
        return isOurs && current && !keepTokenInResponseUrl ? strip(url) : url
      },

      async refused(credential, note, problem, before) {
        tell('rejected', note)
        // A body that never ends must not hold the request for ever.
        const said = await objectOf(Promise.race([problem, sleep(timeoutMs)]))
        if (closed) return null
        // Sent with an older token: that it is refused says nothing of the present one.
        if (credential?.token !== current?.token) return before ? null : take()
        if (getToken && said.renew !== false && !before) return renew('rejected')
        if (!getToken || said.renew === false || !current?.proven) deny({ ...said, ...note })
        return null
      },
    },
  }
  return session
}
