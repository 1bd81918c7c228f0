import type { HlsConfig } from 'hls.js'
import type { Session } from './types.ts'

/**
 * The configuration for `withSession` whose DRM licence requests carry the session's token, too: hls.js makes
 * them without a loader. Only a licence server among the session's `origins` is given it; a
 * `licenseXhrSetup` of the page still has its say. hls.js tries no refused licence again, so what helps here is
 * a token that is renewed ahead.
 */
export function withLicense(session: Session, config: Partial<HlsConfig> = {}): Partial<HlsConfig> {
  const { port } = session
  const { licenseXhrSetup: own } = config
  return {
    ...config,
    async licenseXhrSetup(xhr, url, context, challenge) {
      const credential = port.admit(url) ? await port.take() : null
      if (!credential) return own?.call(this, xhr, url, context, challenge)
      const headers: Record<string, string> = {}
      const request = port.place({ url, headers }, credential)
      xhr.open('POST', request.url)
      xhr.withCredentials ||= port.hasCookie
      // It may open the request anew, which would lose the header.
      const changed = await own?.call(this, xhr, request.url, context, challenge)
      for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value)
      return changed
    },
  }
}
