import { type RewriteOptions, rewritePlaylist } from '../../../server/playlist/index.ts'
import { bytes, text } from './bytes.ts'

export const base = 'https://own.example/vod/a/index.m3u8'
export const parameter = 'hdntl'
export const token = 'exp=1~acl=/*~hmac=ab'

/** One that can stand bare. */
export const bareToken = 'fVSYBBTynMkvQECGV-Kdfp333R-MGY2fsrrpVyuqd7OiuAUsQ8ITrL0'
export const bareOptions = { parameter: '', value: bareToken, mode: 'query' } as const

/** Rewrites byte text, query mode unless told otherwise. */
export function rewrite(playlist: string, options: Partial<RewriteOptions> = {}): string {
  return text(
    rewritePlaylist(bytes(playlist), { base, parameter, value: token, mode: 'query', ...options }),
  )
}

/** What becomes of one URI line. */
export function rewriteUri(
  uri: string,
  options: Partial<RewriteOptions> = {},
  header = '',
): string {
  const head = `#EXTM3U\n${header}`
  const out = rewrite(`${head}${uri}\n`, options)
  if (!out.startsWith(head) || !out.endsWith('\n'))
    throw new Error(`more than the URI changed: ${out}`)
  return out.slice(head.length, -1)
}
