import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import Koa from 'koa'
import { createPlaygate } from '../../dist/server/index.js'
import { acl, keyHex, mediaPath, parameter } from './material.mjs'
import { rewriteNaively, verifyNaively } from './naive.mjs'

const compress = promisify(gzip)
/** The server's own level, so that servers are compared and not compressors. */
const level = 4
const playlistType = 'application/vnd.apple.mpegurl'

/**
 * The servers that are measured, each in a process of its own. All deliver what lies in one directory.
 *
 * @typedef {object} Contender
 * @property {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} listener
 * @property {string} [accessToken] what opens a session, where there are sessions
 *
 * @type {Record<string, (directory: string, given: { token: string }) => Contender>}
 */
export const contenders = {
  playgate(directory) {
    const gate = createPlaygate(
      {
        keys: { site: { primary: keyHex } },
        rules: [
          {
            match: { paths: ['/vod/*'] },
            origin: directory,
            access: { format: 'edgeauth', key: 'site' },
            session: { key: 'site', parameter },
          },
        ],
      },
      { environment: {} },
    )
    return { listener: gate.callback(), accessToken: gate.mint({ path: acl, ttlSeconds: 300 }) }
  },

  /** Verifies, reads and rewrites for every request, with nothing remembered. */
  naive: (directory) =>
    koa(async (ctx) => {
      const now = Math.floor(Date.now() / 1000)
      const token = ctx.query[parameter]
      if (!verifyNaively(token, { keyHex, path: ctx.path, now })) ctx.throw(403)
      const body = rewriteNaively(await readFile(join(directory, ctx.path)), parameter, token)
      await answerPlaylist(ctx, body, () => compress(body, { level }))
    }),

  /** The result of one rewriting from memory, without a look at the token: Koa's own price. */
  static(directory, { token }) {
    const ready = readFile(join(directory, mediaPath)).then(async (playlist) => {
      const body = rewriteNaively(playlist, parameter, token)
      return { body, zipped: await compress(body, { level }) }
    })
    return koa(async (ctx) => {
      const { body, zipped } = await ready
      await answerPlaylist(ctx, body, () => zipped)
    })
  },

  /** A file as a stream, without a look at the token. */
  stream: (directory) =>
    koa(async (ctx) => {
      const file = join(directory, ctx.path)
      ctx.length = (await stat(file)).size
      ctx.type = 'video/iso.segment'
      ctx.body = createReadStream(file)
    }),

  /** A file from memory, without a look at the token. */
  memory(directory) {
    const kept = new Map()
    return koa(async (ctx) => {
      if (!kept.has(ctx.path)) kept.set(ctx.path, await readFile(join(directory, ctx.path)))
      ctx.type = 'video/iso.segment'
      ctx.body = kept.get(ctx.path)
    })
  },
}

function koa(middleware) {
  const app = new Koa()
  // The load leaves with the last byte, before a stream is told of its end, which Koa reports as an error. Other
  // errors show: the load takes nothing but a 200.
  app.silent = true
  app.use(middleware)
  return { listener: app.callback() }
}

async function answerPlaylist(ctx, body, zipped) {
  ctx.vary('Accept-Encoding')
  ctx.type = playlistType
  ctx.set('Cache-Control', 'no-store')
  if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    ctx.set('Content-Encoding', 'gzip')
    ctx.body = await zipped()
  } else {
    ctx.body = body
  }
}
