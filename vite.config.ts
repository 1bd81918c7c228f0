import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** The pages of the demo. */
const pages = ['index.html', 'film.html', 'tokens.html', 'elsewhere.html']

type DemoApp = typeof import('./server/demo/demo-app.ts')

/**
 * The gate in the development server's own process. Its sources are loaded when that server starts, so that
 * builds and tests do not pay for them.
 */
function mountGate(): Plugin {
  const top = import.meta.dirname
  return {
    name: 'playgate-gate',
    apply: (_, { command, isPreview }) =>
      command === 'serve' && isPreview !== true && !process.env.VITEST,
    async configureServer(server) {
      const app = join(top, 'server', 'demo', 'demo-app.ts')
      const { createDemo, demoPrefixes } = (await server.ssrLoadModule(app)) as DemoApp
      const stream = join(top, 'player', 'demo', 'stream')
      const { gate, listener } = createDemo({ stream, page: null })
      server.httpServer?.once('close', () => void gate.close())
      // The stream lies below Vite's root, where everybody could have it without a token.
      const prefixes = [...demoPrefixes, '/stream/']
      server.middlewares.use((request, response, next) => {
        const isOurs = prefixes.some((prefix) => request.url?.startsWith(prefix))
        if (isOurs) listener(request, response)
        else next()
      })
    },
  }
}

function pageFile(name: string): string {
  return join(import.meta.dirname, 'player', 'demo', name)
}

/** The drawings stand in each page, where its style reaches them. */
function includeIcons(): Plugin {
  const drawings = readFileSync(pageFile('icons.svg'), 'utf8')
  return {
    name: 'playgate-icons',
    transformIndexHtml: (html) => html.replace('<!-- icons.svg -->', () => drawings),
  }
}

const tests = ['test/**/*.test.ts']
const measured = ['test/journey/live-renewal.test.ts']

/** The demo's pages; tests too take their settings from here. */
const demo = {
  root: 'player/demo',
  publicDir: false,
  plugins: [mountGate(), includeIcons()],
  build: {
    outDir: '../../dist/demo',
    emptyOutDir: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: { input: pages.map(pageFile) },
  },
  test: {
    root: '.',
    // What measures a playback of minutes has the machine for itself.
    projects: [
      { extends: true, test: { name: 'tests', include: tests, exclude: measured } },
      {
        extends: true,
        test: { name: 'measured', include: measured, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
    reporters: ['default', './test/stage/closing-line.ts'],
    testTimeout: 30_000,
    // Many files wait for a playing video most of the time. With more of them at once, videos stall on a small machine.
    maxWorkers: 2,
    // How long a busy machine may take until something can be seen; what must be fast is measured by the test itself.
    expect: { poll: { timeout: 15_000 } },
    coverage: {
      provider: 'v8',
      include: ['server/**/*.ts', 'player/*.ts', 'shared/**/*.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
} satisfies ViteUserConfig

/** `vite build --mode script-tag`: the player as one file, everything of its door on the global `Playgate`. */
const scriptTag = {
  publicDir: false,
  build: {
    outDir: 'dist/player',
    // The modules that the compiler wrote stand there, too.
    emptyOutDir: false,
    sourcemap: true,
    lib: {
      entry: 'player/index.ts',
      name: 'Playgate',
      formats: ['iife'],
      fileName: () => 'playgate-player.js',
    },
  },
} satisfies ViteUserConfig

export default defineConfig(({ mode }) => (mode === 'script-tag' ? scriptTag : demo))
