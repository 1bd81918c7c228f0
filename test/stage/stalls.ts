import type { Page } from 'playwright-core'

/** Watches the page's video from its first picture on; seeks are no stalls. */
export async function watchStalls(page: Page): Promise<void> {
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0)
  await page.evaluate(() => {
    const video = document.querySelector('video')
    const stalls: number[] = []
    Object.assign(window, { stalls })
    video?.addEventListener('waiting', () => {
      if (!video.seeking) stalls.push(video.currentTime)
    })
  })
}

/** The places, in seconds, where the video stood still for want of data since `watchStalls`. */
export async function stalls(page: Page): Promise<number[]> {
  return page.evaluate(() => Reflect.get(window, 'stalls'))
}
