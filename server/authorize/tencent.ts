import { removeParameters } from '../../shared/query.ts'
import { badRequest } from '../http/read-json.ts'
import { giveAnswer } from './give-answer.ts'
import type { Peer } from './peer.ts'
import {
  addressFrom,
  hostFrom,
  neededParameter,
  queryAndForm,
  schemeFrom,
  withQuery,
} from './read-fields.ts'

/** Parameters that the service adds, and those of our own; the rest is the viewer's. */
const added = ['uri', 'host', 'client_ip', 'cdn_ip', 'secret']

/**
 * Remote authentication of Tencent's live streaming (spec/forward-auth section 2.1). It takes any answer but 403 for none, and lets the
 * viewer in then. The viewer's own parameters stand among those it adds: so all three that count are needed, and a viewer
 * who brings one of them makes it stand twice.
 */
export const tencent: Peer = {
  proof: 'header-or-query',
  isProxy: false,
  asksBelow: false,
  asksForStreams: false,
  carries: { cookie: false, header: false },
  read(asked) {
    const parameters = queryAndForm(asked)
    const uri = /^(?:(https?):\/\/([^/?#]*))?(\/[^?]*)(?:\?(.*))?$/i.exec(
      neededParameter(parameters, 'uri'),
    )
    if (uri === null) throw badRequest('uri is no path and no URL')
    const [, scheme, authority, path = '', query] = uri
    const host = hostFrom(neededParameter(parameters, 'host'))
    if (authority !== undefined && hostFrom(authority) !== host) {
      throw badRequest('uri and host name two hosts')
    }
    return {
      // The call's own method says nothing of the viewer's.
      method: 'GET',
      scheme: schemeFrom(scheme),
      host,
      target: withQuery(path, query ?? removeParameters(parameters, added)),
      clientAddress: addressFrom(neededParameter(parameters, 'client_ip'), 'client_ip'),
      headers: asked.headers,
      bearer: null,
      accelPrefix: null,
    }
  },
  answer: (verdict) => giveAnswer(verdict, { allowed: 200, denied: 403, undecided: 403 }),
}
