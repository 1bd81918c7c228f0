import { caddy } from './caddy.ts'
import { envoy } from './envoy.ts'
import { mediamtx } from './mediamtx.ts'
import { nginx } from './nginx.ts'
import { nginxRtmp } from './nginx-rtmp.ts'
import { ome } from './ome.ts'
import type { Peer } from './peer.ts'
import { srs } from './srs.ts'
import { tencent } from './tencent.ts'
import { traefik } from './traefik.ts'

/** Every server that may ask, by the name of its endpoint (design section 5). */
export const peers: ReadonlyMap<string, Peer> = new Map([
  ['nginx', nginx],
  ['caddy', caddy],
  ['traefik', traefik],
  ['envoy', envoy],
  ['tencent', tencent],
  ['mediamtx', mediamtx],
  ['srs', srs],
  ['ome', ome],
  ['nginx-rtmp', nginxRtmp],
])
