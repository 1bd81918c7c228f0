import { join } from 'node:path'
import { build, type Plugin } from 'vite'
import { type LoopbackServer, listenOnLoopback } from './loopback.ts'

/** The page's globals, for functions that run in it. `playgate` is the plugin's public door. */
declare global {
  interface Window {
    Hls: typeof import('hls.js').default
    playgate: typeof import('../../player/index.ts')
  }
}

export interface PlayerPage extends LoopbackServer {
  /** The page: a muted `<video>`, and once it has loaded `window.Hls` and the modules. */
  readonly url: string
}

export interface PlayerPageOptions {
  /**
   * Modules to put on `window` beside hls.js, by the names they get there; paths from the top of the project.
   *
   * @default { playgate: 'player/index.ts' }
   */
  readonly modules?: Readonly<Record<string, string>>
  /** The package that `window.Hls` comes from. @default 'hls.js' */
  readonly hls?: string
}

const top = join(import.meta.dirname, '../..')
const entry = 'virtual:player-page'

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>player page</title>
<link rel="icon" href="data:,">
<body>
<video id="video" muted playsinline width="640" height="360"></video>
<script type="module" src="page.js"></script>
</body>
</html>
`

/** The module that the bundle begins with. */
function entryPlugin(hls: string, modules: Readonly<Record<string, string>>): Plugin {
  const names = Object.keys(modules)
  const imports = Object.values(modules).map(
    (path, index) => `import * as module${index} from ${JSON.stringify(join(top, path))}`,
  )
  const globals = names.map((name, index) => `${JSON.stringify(name)}: module${index}`)
  return {
    name: 'player-page',
    resolveId: (id) => (id === entry ? id : null),
    load: (id) =>
      id === entry
        ? [
            `import Hls from ${JSON.stringify(hls)}`,
            ...imports,
            `Object.assign(window, { Hls, ${globals.join(', ')} })`,
          ].join('\n')
        : null,
  }
}

/**
 * Bundles hls.js and the plugin's sources as a page would have them, in memory.
 *
 * @throws {Error} when a module does not build
 */
async function bundle({
  modules = { playgate: 'player/index.ts' },
  hls = 'hls.js',
}: PlayerPageOptions): Promise<string> {
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'silent',
    plugins: [entryPlugin(hls, modules)],
    build: { write: false, minify: false, rolldownOptions: { input: entry } },
  })
  const outputs = Array.isArray(result) ? result : [result]
  const chunks = outputs.flatMap((output) => ('output' in output ? output.output : []))
  const page = chunks.find((chunk) => chunk.type === 'chunk' && chunk.isEntry)
  if (page?.type !== 'chunk') throw new Error('no page came out of the bundler')
  return page.code
}

/** Serves a page with a player in it, for a browser to open. */
export async function servePlayerPage(options: PlayerPageOptions = {}): Promise<PlayerPage> {
  const script = await bundle(options)
  const server = await listenOnLoopback((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]
    if (path === '/page.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
    } else if (path === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(html)
    } else response.writeHead(404).end()
  })
  return { ...server, url: `${server.origin}/` }
}
