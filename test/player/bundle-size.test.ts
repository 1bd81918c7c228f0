import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { describe, expect, it } from 'vitest'

const top = join(import.meta.dirname, '../..')
const entry = 'virtual:page'

/** What a page's bundler makes of its imports from the player's door, minified. */
async function bundle(names: readonly string[]) {
  const door = JSON.stringify(join(top, 'player/index.ts'))
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? `export { ${names.join(', ')} } from ${door}` : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        output: { format: 'es' },
      },
    },
  })
  if (!('output' in result) || result.output.length !== 1) throw new Error('more than one file')
  const [chunk] = result.output
  return {
    code: chunk.code,
    bytes: gzipSync(chunk.code, { level: 9 }).length,
    imports: [...chunk.imports, ...chunk.dynamicImports],
    modules: Object.entries(chunk.modules)
      .filter(([id, { renderedLength }]) => id !== entry && renderedLength > 0)
      .map(([id]) => id.slice(top.length + 1)),
  }
}

const core = [
  'player/clock.ts',
  'player/credential.ts',
  'player/exchange-token.ts',
  'player/place.ts',
  'player/session.ts',
  'shared/playgate-session.ts',
]

describe('the player in a bundle', () => {
  it('is at most 3 kB with its hls.js adapter, and needs nothing else', async () => {
    const { code, bytes, imports, modules } = await bundle([
      'createSession',
      'withSession',
      'attachSession',
    ])
    expect(code).toContain('as createSession')
    expect(imports).toEqual([])
    expect(code).not.toMatch(/\bprocess\b|\brequire\(|localStorage|sessionStorage|document\.cookie/)
    expect(modules.sort()).toEqual([...core, 'player/hls.ts', 'player/session-loader.ts'].sort())
    // design section 9: core and hls.js adapter together.
    expect(bytes).toBeLessThanOrEqual(3072)
  })

  it('has nothing of hls.js in it when only the session is imported', async () => {
    const { code, modules } = await bundle(['createSession'])
    expect(modules.sort()).toEqual(core)
    expect(code).not.toMatch(/hlsError|onProgress|getCacheAge|licenseXhrSetup/)
  })

  it.each([
    ['exchangeToken', 'player/exchange-token.ts'],
    ['learnHeaders', 'player/learn-headers.ts'],
    ['p2pRequestSetup', 'player/p2p.ts'],
    ['withLicense', 'player/with-license.ts'],
  ])('has %s only when that is imported, for less than 300 bytes', async (name, file) => {
    const without = await bundle(['createSession'])
    const { bytes, modules } = await bundle(['createSession', name])
    const added = modules.filter((module) => !core.includes(module))
    expect(added).toEqual([file].filter((module) => !core.includes(module)))
    expect(bytes).toBeGreaterThan(without.bytes)
    // shared/docs/player.md says so.
    expect(bytes - without.bytes).toBeLessThan(300)
  })

  it('is declared free of side effects, as some bundlers want to be told', () => {
    const { sideEffects } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'))
    const inPlayer = (file: string) => file.startsWith('./dist/player/')
    expect(sideEffects.filter(inPlayer)).toEqual(['./dist/player/playgate-player.js'])
  })
})
