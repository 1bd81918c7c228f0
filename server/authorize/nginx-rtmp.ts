import { removeParameters } from '../../shared/query.ts'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'
import {
  addressFrom,
  hostFrom,
  neededParameter,
  notPlayback,
  pathOf,
  queryAndForm,
  soleParameter,
  withQuery,
} from './read-fields.ts'

/** What nginx-rtmp tells of a session; behind it stand the viewer's own arguments, as he wrote them. */
const told = [
  'app',
  'name',
  'addr',
  'call',
  'tcurl',
  'pageurl',
  'swfurl',
  'flashver',
  'clientid',
  'start',
  'duration',
  'reset',
  'secret',
]

/**
 * nginx-rtmp's `on_play` (spec/forward-auth section 2.9): a form, or with `notify_method get` a query. The viewer's arguments are appended
 * unescaped: one that bears a name that counts is refused, because then it stands twice. A stream is the path `/APP/NAME`.
 */
export const nginxRtmp: Peer = {
  proof: 'header-or-query',
  isProxy: false,
  asksBelow: false,
  asksForStreams: true,
  carries: { cookie: false, header: false },
  read(asked) {
    const pairs = queryAndForm(asked)
    const call = neededParameter(pairs, 'call')
    if (call !== 'play') throw notPlayback(call)
    const tcUrl = /^[a-z]+:\/\/([^/?#]+)/i.exec(soleParameter(pairs, 'tcurl') ?? '')
    const pageUrl = soleParameter(pairs, 'pageurl') ?? ''
    const path = pathOf(neededParameter(pairs, 'app'), neededParameter(pairs, 'name'))
    return {
      method: 'GET',
      scheme: 'http',
      host: tcUrl?.[1] === undefined ? '' : hostFrom(tcUrl[1]),
      target: withQuery(path, removeParameters(pairs, told)),
      clientAddress: addressFrom(neededParameter(pairs, 'addr'), 'addr'),
      headers: new Map(pageUrl === '' ? [] : [['referer', [pageUrl]]]),
      bearer: null,
      accelPrefix: null,
    }
  },
  answer: (verdict) => giveAnswer(verdict, { allowed: 204, denied: 403, undecided: 503 }),
}
