import { find, h } from './dom.ts'
import type { Quality } from './playback.ts'
import type { Trouble } from './trouble.ts'

/** The video with what stands on and below it. */
export interface Stage {
  readonly video: HTMLVideoElement
  /** Words in place of the picture; `null` takes them away. */
  say(trouble: Trouble | null): void
  offer(qualities: readonly Quality[]): void
  showQuality(index: number, automatic: boolean): void
  showSubtitles(shown: boolean): void
}

interface StageOptions {
  readonly onQuality: (index: number) => void
  readonly onSubtitles: (shown: boolean) => void
  readonly onRestart: () => void
}

export function createStage({ onQuality, onSubtitles, onRestart }: StageOptions): Stage {
  const video = find('[data-testid="video"]', HTMLVideoElement)
  const curtain = find('#curtain', HTMLElement)
  const title = find('#curtain-title', HTMLElement)
  const advice = find('#curtain-advice', HTMLElement)
  const button = find('#curtain-button', HTMLButtonElement)
  const choices = find('#qualities', HTMLElement)
  const words = find('#subtitles', HTMLButtonElement)
  let remedy: Trouble['remedy'] = null
  let heights: readonly Quality[] = []

  // A film that runs needs no words in front of it.
  video.addEventListener('playing', () => say(null))
  button.addEventListener('click', () => {
    if (remedy === 'play') {
      say(null)
      void video.play()
    } else onRestart()
  })
  words.addEventListener('click', () => {
    onSubtitles(words.getAttribute('aria-pressed') !== 'true')
  })

  function say(trouble: Trouble | null): void {
    curtain.hidden = trouble === null
    if (trouble === null) return
    remedy = trouble.remedy
    title.textContent = trouble.title
    advice.textContent = trouble.advice
    button.hidden = remedy === null
    button.textContent = remedy === 'play' ? 'Play' : 'Try again'
  }

  function choice(index: number, text: string): HTMLElement {
    const element = h(
      'button',
      { type: 'button', 'data-index': String(index), 'aria-pressed': 'false' },
      text,
    )
    element.addEventListener('click', () => onQuality(index))
    return element
  }

  return {
    video,
    say,
    offer(qualities) {
      heights = qualities
      choices.replaceChildren(
        choice(-1, 'Auto'),
        ...qualities.map(({ index, height }) => choice(index, `${height}p`)),
      )
      words.hidden = false
    },
    showQuality(index, automatic) {
      for (const element of choices.querySelectorAll('button')) {
        const isChosen = Number(element.dataset.index) === (automatic ? -1 : index)
        element.setAttribute('aria-pressed', String(isChosen))
      }
      const auto = choices.querySelector('[data-index="-1"]')
      const height = heights.find((quality) => quality.index === index)?.height
      if (auto) auto.textContent = automatic && height ? `Auto, ${height}p` : 'Auto'
    },
    showSubtitles(shown) {
      words.setAttribute('aria-pressed', String(shown))
    },
  }
}
