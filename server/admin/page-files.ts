import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Context } from 'koa'

/** A file of the admin page, as it is sent. */
export interface PageFile {
  readonly type: string
  readonly bytes: Buffer
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * The page runs its own script in its own style, and asks nobody but this server. Whatever a viewer's User-Agent or path holds is
 * text there: the browser is told to refuse markup from strings.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "frame-ancestors 'none'",
  "form-action 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/**
 * The files of the page, by the paths that they are asked for below `/_playgate/admin`. They lie beside this module, in the
 * sources and in `dist/` alike.
 *
 * @throws the system's error when they are not there
 */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const folder = join(import.meta.dirname, 'page')
  const files = new Map<string, PageFile>()
  for (const name of readdirSync(folder)) {
    const type = types[extname(name)]
    if (type === undefined) continue
    files.set(name === 'index.html' ? '/' : `/${name}`, {
      type,
      bytes: readFileSync(join(folder, name)),
    })
  }
  return files
}

/** Holds no secret: whoever may ask gets it. */
export function answerPageFile(ctx: Context, { type, bytes }: PageFile): void {
  ctx.status = 200
  ctx.set('Cache-Control', 'no-store')
  ctx.set('Content-Security-Policy', policy)
  ctx.type = type
  ctx.body = bytes
}
