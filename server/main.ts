import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { listen } from './app.ts'
import { untilStopped } from './cli/until-stopped.ts'
import { createDemo } from './demo/demo-app.ts'
import { createLog } from './http/log.ts'

/** `npm start`: the bundled sample stream behind a gate, and the page that plays it. */

// Built, this file is dist/server/main.js; the stream is not copied.
const top = join(import.meta.dirname, '..', '..')
const log = createLog(process.env.LOG_LEVEL ?? 'warn')
const { gate, listener, adminToken } = createDemo({
  stream: join(top, 'player', 'demo', 'stream'),
  page: join(top, 'dist', 'demo'),
  log,
})

const host = process.env.HOST ?? '127.0.0.1'
const port = Number(process.env.PORT ?? '8080')
const server = await listen(listener, { host, port }).catch((error: Error) => {
  process.stderr.write(`Cannot listen: ${error.message}\nAnother port: PORT=8081 npm start\n`)
  process.exit(1)
})
// Who listens to every address is asked for by one of them.
const addresses = ['0.0.0.0', '::'].includes(host)
  ? Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  : []
const reachableAt = addresses.flatMap(({ address, internal }) =>
  isIPv4(address) && !internal ? [address] : [],
)
const { token, parameter } = gate.mintDetailed({ path: '/vod/sample/*', ttlSeconds: 3_600 })
// Before anybody reads that we are there, and may tell us to stop.
const stopped = untilStopped({ onReload: () => undefined })
process.stdout.write(
  [
    '',
    `  The demo page          ${server.url}/`,
    ...reachableAt.map(
      (address) => `  On other devices       http://${address}:${new URL(server.url).port}/`,
    ),
    `  Token tools            ${server.url}/tokens.html`,
    '  A link for any player  (VLC, ffplay, Safari; good for an hour)',
    `  ${server.url}/vod/sample/index.m3u8?${parameter}=${token}`,
    `  Who is watching        ${server.url}/_playgate/admin/  with the token ${adminToken}`,
    '',
    '',
  ].join('\n'),
)
await stopped
await server.close(2_000)
await gate.close()
