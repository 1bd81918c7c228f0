import '../style/side-by-side.css'
import { find } from '../dom.ts'
import { formatLeft } from '../time.ts'
import { createDeadLink } from './dead-link.ts'
import { canPlay } from './players.ts'
import { createSide } from './side.ts'
import { openVisit, type SiteManners, type Visit } from './visit.ts'

const pauseSeconds = 60
const tickMs = 200

const button = (name: string) => find(`#act-${name}`, HTMLButtonElement)
const said = find('#said', HTMLElement)
const lines = find('#lines', HTMLElement)
const copied = find('#lines-copy', HTMLButtonElement)

let began = performance.now()
const now = () => (performance.now() - began) / 1000

const link = createDeadLink()
const stock = createSide('stock', now)
const playgate = createSide('playgate', now, { onLink: link.offer })
const sides = [stock, playgate]

let visit: Visit | null = null
let starts = 0
let manners: SiteManners = { isSlow: false, isDenied: false }
/** When a pause is over, in milliseconds; `null`: nobody pauses. */
let pauseEnds: number | null = null
/** Did the stock player freeze, and was that said? */
let isFreezeSaid = false

function say(text: string): void {
  said.textContent = text
}

async function start(): Promise<void> {
  starts += 1
  const own = starts
  for (const side of sides) side.stop()
  link.forget()
  endPause()
  isFreezeSaid = false
  manners = { isSlow: false, isDenied: false }
  showManners()
  visit = null
  if (!canPlay()) {
    say(
      'This browser has no Media Source Extensions, which hls.js needs. Any current one on a computer will do.',
    )
    return
  }
  try {
    const opened = await openVisit()
    // Pressed twice: the later start counts.
    if (own !== starts) return
    visit = opened
  } catch {
    say('The demo’s server does not answer. Is it still running? Start it with “npm start”.')
    return
  }
  began = performance.now()
  for (const side of sides) side.start(visit)
  play()
  say('Both players have started, each with a token of ten seconds.')
}

function play(): void {
  for (const { video } of sides) {
    video.play().catch((error: unknown) => {
      // Not allowed without a click. A player that was stopped meanwhile says so by another error.
      if (error instanceof DOMException && error.name === 'NotAllowedError') {
        say('This browser waits for a click before it plays: press “Start again”.')
      }
    })
  }
}

async function tell(
  act: (visit: Visit) => Promise<void>,
  done: { readonly mark: string; readonly text: string },
): Promise<boolean> {
  if (visit === null) return false
  try {
    await act(visit)
  } catch {
    say('The server of the demo did not do it. It may have been started anew: press “Start again”.')
    return false
  }
  for (const side of sides) side.mark(done.mark)
  say(done.text)
  return true
}

async function treat(wanted: Partial<SiteManners>, mark: string, text: string): Promise<void> {
  const next = { ...manners, ...wanted }
  if (await tell((at) => at.treat(next), { mark, text })) manners = next
  showManners()
}

function showManners(): void {
  button('slow').setAttribute('aria-pressed', String(manners.isSlow))
  button('deny').setAttribute('aria-pressed', String(manners.isDenied))
}

button('revoke').addEventListener('click', async () => {
  const text =
    'Revoked: the server takes none of the tokens that are out. The next request of each player is refused.'
  const isDone = await tell((at) => at.revoke(), { mark: 'revoked', text })
  if (isDone) for (const side of sides) side.revoked()
})
button('slow').addEventListener('click', () => {
  const isSlow = !manners.isSlow
  const text = isSlow
    ? 'Slow: each token comes five seconds late. It is asked for in time, so nothing stops.'
    : 'Tokens come at once again.'
  void treat({ isSlow }, isSlow ? 'slow' : 'fast again', text)
})
button('deny').addEventListener('click', () => {
  const isDenied = !manners.isDenied
  const text = isDenied
    ? 'Denied: the site has no more tokens for this page. At the next one the right player stops asking, plays what it has, and says why.'
    : 'The site gives tokens again. A player that was told no has stopped for good: press “Start again”.'
  void treat({ isDenied }, isDenied ? 'denied' : 'allowed again', text)
})
button('pause').addEventListener('click', () => {
  if (pauseEnds === null) beginPause()
  else goOn()
})
button('again').addEventListener('click', () => void start())

function beginPause(): void {
  pauseEnds = performance.now() + pauseSeconds * 1000
  for (const { video, mark } of sides) {
    video.pause()
    mark('paused')
  }
  button('pause').setAttribute('aria-pressed', 'true')
  say('Both are paused for a minute. Their tokens end meanwhile.')
}

function goOn(): void {
  endPause()
  play()
  for (const side of sides) side.mark('goes on')
  say('Both go on, with tokens that ended long ago.')
}

function endPause(): void {
  pauseEnds = null
  button('pause').setAttribute('aria-pressed', 'false')
  find('#pause-left', HTMLElement).textContent = ''
}

function tick(): void {
  const [left, right] = sides.map((side) => side.tick())
  if (pauseEnds !== null) {
    const seconds = (pauseEnds - performance.now()) / 1000
    find('#pause-left', HTMLElement).textContent = `goes on in ${formatLeft(seconds)}`
    if (seconds <= 0) goOn()
  }
  if (left?.state !== 'frozen' || isFreezeSaid) return
  isFreezeSaid = true
  const rest = right?.state === 'playing' ? ' The right one plays on.' : ''
  say(`The left player froze after ${Math.floor(left.playedSeconds)} seconds.${rest}`)
}

copied.addEventListener('click', async () => {
  const text = [...lines.querySelectorAll('ins')].map((line) => line.textContent).join('\n')
  await navigator.clipboard.writeText(text).then(
    () => say('The three lines are copied.'),
    // No clipboard without HTTPS: then they are marked, to be copied by hand.
    () => getSelection()?.selectAllChildren(lines),
  )
})

setInterval(tick, tickMs)
void start()
