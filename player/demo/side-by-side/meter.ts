/** What a player does, as a viewer would say it. */
export type PlayState = 'starting' | 'playing' | 'paused' | 'frozen'

/** What is read off a video element. */
export interface VideoSample {
  readonly currentTime: number
  readonly paused: boolean
  readonly seeking: boolean
  readonly readyState: number
}

export interface Reading {
  readonly state: PlayState
  /** Seconds of film that were shown. */
  readonly playedSeconds: number
  /** How often it froze. */
  readonly stalls: number
}

export interface Meter {
  /** @param at milliseconds */
  read(sample: VideoSample, at: number): Reading
}

/** Shorter ones nobody sees, and the browser goes through them by itself. */
const freezeMs = 500

/** `HTMLMediaElement.HAVE_CURRENT_DATA`: there is this picture and none to follow it. */
const currentDataOnly = 2

/**
 * Tells from samples, taken a few times a second, whether a video plays. What counts as frozen is a player that has nothing left to
 * show; a machine that is too busy to show what it has is none of our business.
 */
export function createMeter(): Meter {
  let reading: Reading = { state: 'starting', playedSeconds: 0, stalls: 0 }
  let shown = 0
  let starvedSince: number | null = null
  /** Since when nothing was shown for want of film, whatever else happened; so a pause makes no second stall of the first. */
  let isFrozen = false

  return {
    read(sample, at) {
      const step = sample.currentTime - shown
      shown = sample.currentTime
      // Jumps are no playing.
      const played = step > 0 && step < 2 && !sample.seeking ? step : 0
      const playedSeconds = reading.playedSeconds + played
      let { stalls } = reading

      const isStarved =
        sample.readyState <= currentDataOnly && !sample.paused && !sample.seeking && played === 0
      starvedSince = isStarved ? (starvedSince ?? at) : null
      if (played > 0) isFrozen = false
      const freezes = starvedSince !== null && at - starvedSince >= freezeMs && playedSeconds > 0
      if (freezes && !isFrozen) {
        isFrozen = true
        stalls += 1
      }
      reading = { state: stateOf(sample, playedSeconds), playedSeconds, stalls }
      return reading
    },
  }

  function stateOf({ paused }: VideoSample, playedSeconds: number): PlayState {
    if (playedSeconds === 0) return 'starting'
    if (paused) return 'paused'
    return isFrozen ? 'frozen' : 'playing'
  }
}
