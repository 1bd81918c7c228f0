import { describe, expect, it } from 'vitest'
import { createMeter, type VideoSample } from '../../player/demo/side-by-side/meter.ts'

const enough = 4
const currentOnly = 2

/** A video that is looked at five times a second. */
function watch() {
  const meter = createMeter()
  let at = 0
  let currentTime = 0
  const look = (sample: Partial<VideoSample> = {}) => {
    at += 200
    return meter.read(
      { currentTime, paused: false, seeking: false, readyState: enough, ...sample },
      at,
    )
  }
  return {
    look,
    play(seconds: number) {
      let reading = look()
      for (let left = seconds; left > 0.01; left -= 0.2) {
        currentTime += 0.2
        reading = look()
      }
      return reading
    },
    starve(seconds: number, sample: Partial<VideoSample> = {}) {
      let reading = look({ readyState: currentOnly, ...sample })
      for (let left = seconds; left > 0.01; left -= 0.2) {
        reading = look({ readyState: currentOnly, ...sample })
      }
      return reading
    },
    jump(to: number) {
      currentTime = to
    },
  }
}

describe('the meter of a player', () => {
  it('counts what was shown, and no jumps', () => {
    const video = watch()
    expect(video.starve(3)).toEqual({ state: 'starting', playedSeconds: 0, stalls: 0 })
    expect(video.play(2).playedSeconds).toBeCloseTo(2)
    video.jump(40)
    const { state, playedSeconds, stalls } = video.play(1)
    expect([state, stalls]).toEqual(['playing', 0])
    expect(playedSeconds).toBeCloseTo(3)
  })

  it('calls it frozen when there is nothing to show for half a second, and counts that once', () => {
    const video = watch()
    video.play(1)
    expect(video.starve(0.2)).toMatchObject({ state: 'playing', stalls: 0 })
    expect(video.starve(0.6)).toMatchObject({ state: 'frozen', stalls: 1 })
    expect(video.starve(9)).toMatchObject({ state: 'frozen', stalls: 1 })
    expect(video.play(1)).toMatchObject({ state: 'playing', stalls: 1 })
    expect(video.starve(1)).toMatchObject({ state: 'frozen', stalls: 2 })
  })

  it('makes no second stall of one that was paused', () => {
    const video = watch()
    video.play(1)
    video.starve(1)
    expect(video.starve(1, { paused: true })).toMatchObject({ state: 'paused', stalls: 1 })
    expect(video.starve(0)).toMatchObject({ state: 'frozen', stalls: 1 })
  })

  it('takes neither a pause nor a seek nor a slow machine for a stall', () => {
    const video = watch()
    video.play(1)
    expect(video.starve(2, { paused: true })).toMatchObject({ state: 'paused', stalls: 0 })
    expect(video.starve(2, { seeking: true })).toMatchObject({ state: 'playing', stalls: 0 })
    expect(video.starve(2, { readyState: enough })).toMatchObject({ state: 'playing', stalls: 0 })
  })
})
