import type { LoaderConfiguration, LoaderContext, LoaderContextType } from 'hls.js'

export const origin = 'https://video.test'

/** Every kind of request that hls.js makes through `config.loader` (spec/player section 1). */
export const requestKinds: readonly (readonly [kind: string, responseType: string])[] = [
  ['manifest', 'text'],
  ['level', 'text'],
  ['audioTrack', 'text'],
  ['subtitleTrack', 'text'],
  ['media-fragment', 'arraybuffer'],
  ['key', 'arraybuffer'],
  ['steering-manifest', 'json'],
  ['interstitial-asset-list', 'json'],
  ['server-certificate', 'arraybuffer'],
]

export function requestOf(
  type = 'media-fragment',
  url = `${origin}/vod/film/s1.m4s`,
  responseType = 'arraybuffer',
): LoaderContext {
  return { url, type: type as LoaderContextType, responseType }
}

export function manifestRequest(url = `${origin}/vod/film/index.m3u8`): LoaderContext {
  return requestOf('manifest', url, 'text')
}

export function configuration(maxLoadTimeMs = 20_000): LoaderConfiguration {
  return {
    loadPolicy: {
      maxTimeToFirstByteMs: maxLoadTimeMs,
      maxLoadTimeMs,
      timeoutRetry: null,
      errorRetry: null,
    },
    maxRetry: 0,
    timeout: maxLoadTimeMs,
    retryDelay: 0,
    maxRetryDelay: 0,
  }
}
