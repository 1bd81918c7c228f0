import './style/film.css'
import { copyLink } from './copy-link.ts'
import { find, findPart, h, icon } from './dom.ts'
import { type Playback, startPlayback } from './playback.ts'
import { createRequestLog } from './request-log.ts'
import { carriedToken, kindNames, type RequestRecord, shortPath, tokenMark } from './requests.ts'
import { createStage } from './stage.ts'
import { createStealPanel } from './steal-panel.ts'
import { createSummary } from './summary.ts'
import { createTokenCard } from './token-card.ts'

const accessCard = createTokenCard(findPart('access-token'), 'access')
const sessionPart = findPart('session-token')
const sessionCard = createTokenCard(sessionPart, 'session')
const summary = createSummary()
const target = find('#steal-target', HTMLElement)
const release = find('#steal-release', HTMLButtonElement)
const copyTarget = find('#steal-copy', HTMLButtonElement)

const log = createRequestLog(findPart('request-log'), find('#log-jump', HTMLButtonElement), {
  onCurrent: showTarget,
  onCopy: ({ url }) => void copyLink(url),
})
createStealPanel(log.current)
release.addEventListener('click', log.release)
copyTarget.addEventListener('click', () => {
  const record = log.current()
  if (record !== null) void copyLink(record.url)
})

let playback: Playback
let sessionId: string | null = null

const stage = createStage({
  onQuality: (index) => playback.chooseQuality(index),
  onSubtitles: (shown) => playback.showSubtitles(shown),
  onRestart: start,
})
playback = begin()
setInterval(tick, 500)

function start(): void {
  playback.destroy()
  stage.say({ title: 'Asking again…', advice: '', remedy: null })
  playback = begin()
}

function begin(): Playback {
  return startPlayback(stage.video, {
    access(token) {
      accessCard.show(token)
      tick()
    },
    session(token) {
      if (sessionId !== null) {
        const same = sessionId === token.sessionId
        log.note(same ? 'Session token renewed: same session, later end' : 'A new session')
      }
      sessionId = token.sessionId
      sessionCard.show(token)
      sessionPart.dataset.sessionId = sessionId
      accessCard.used()
      tick()
    },
    request(record) {
      log.add(record)
      summary.count(record)
    },
    note: log.note,
    trouble: stage.say,
    qualities: stage.offer,
    quality: stage.showQuality,
    subtitles: stage.showSubtitles,
  })
}

function tick(): void {
  summary.tick(accessCard.tick(), sessionCard.tick())
}

function showTarget({ kind, url }: RequestRecord, chosen: boolean): void {
  const carried = carriedToken(url)
  release.hidden = !chosen
  copyTarget.disabled = false
  target.replaceChildren(
    h('span', { class: 'target-kind', 'data-kind': kind }, icon(kind), kindNames[kind]),
    h(
      'span',
      { class: 'target-url' },
      shortPath(url),
      carried &&
        h('span', { class: 'target-token' }, `?${carried.name}=…${tokenMark(carried.token)}`),
    ),
    h('span', { class: 'target-how' }, chosen ? 'chosen' : 'the latest'),
  )
}
