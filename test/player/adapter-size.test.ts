import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { describe, expect, it } from 'vitest'

const top = join(import.meta.dirname, '../..')
/** design section 9: what each adapter may add to the session. */
const mostBytes = 1024

/** The whole module as one file, minified. */
async function bundle(entry: string) {
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: join(top, entry),
        preserveEntrySignatures: 'strict',
        output: { format: 'es' },
      },
    },
  })
  if (!('output' in result) || result.output.length !== 1) throw new Error('more than one file')
  const [chunk] = result.output
  return {
    bytes: gzipSync(chunk.code, { level: 9 }).length,
    imports: [...chunk.imports, ...chunk.dynamicImports],
    exports: chunk.exports,
    modules: chunk.moduleIds.map((id) => id.slice(top.length + 1)),
  }
}

const adapters = ['player/shaka.ts', 'player/videojs.ts', 'player/native.ts']

describe.each(adapters)('%s', (entry) => {
  it('adds at most a kilobyte to the session, and needs nothing else', async () => {
    const core = await bundle('player/session.ts')
    const door = await bundle(entry)
    expect(door.bytes - core.bytes).toBeLessThanOrEqual(mostBytes)
    expect(door.imports).toEqual([])
    expect(door.exports).toEqual(expect.arrayContaining(['attachSession', 'createSession']))
    const added = door.modules.filter((module) => !core.modules.includes(module))
    expect(added).toEqual([entry])
  })
})
