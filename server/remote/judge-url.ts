import type { RemoteOptions } from './options.ts'

/** `url` of an entry: where questions go, and nowhere else. */
export function judgeUrl(
  text: string,
  complain: (path: string, message: string) => void,
): Pick<RemoteOptions, 'origin' | 'path'> {
  const url = URL.canParse(text) ? new URL(text) : null
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url === null || !isHttp) {
    complain('url', 'not an http or https URL')
    return { origin: '', path: '' }
  }
  if (url.username !== '' || url.password !== '') {
    complain('url', 'a URL with user or password: put them into headers.add')
  }
  if (url.search !== '') complain('url', 'a URL with a query: put it into parameters.add')
  if (url.hash !== '') complain('url', 'a URL with a fragment, which no request holds')
  return { origin: url.origin, path: url.pathname }
}
