import type { Page } from 'playwright-core'

/** Less than three pictures: browsers say that they wait, and go on at once, where nothing is to be seen. */
const visibleMs = 100

/** Watches the page's video from its first picture on; seeks are no stalls. */
export async function watchStalls(page: Page): Promise<void> {
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0)
  await page.evaluate((visibleMs) => {
    const video = document.querySelector('video')
    const stalls: number[] = []
    let place = 0
    let since: number | null = null
    const end = () => {
      if (since !== null && performance.now() - since >= visibleMs) stalls.push(place)
      since = null
    }
    video?.addEventListener('waiting', () => {
      if (video.seeking) return
      place = video.currentTime
      since ??= performance.now()
    })
    video?.addEventListener('playing', end)
    video?.addEventListener('seeking', end)
    Object.assign(window, {
      // One that goes on counts, too.
      stallsUntilNow: () => {
        if (since !== null && performance.now() - since >= visibleMs) end()
        return stalls
      },
    })
  }, visibleMs)
}

/** The places, in seconds, where the video stood still for want of data since `watchStalls`. */
export async function stalls(page: Page): Promise<number[]> {
  return page.evaluate(() => Reflect.get(window, 'stallsUntilNow')())
}
