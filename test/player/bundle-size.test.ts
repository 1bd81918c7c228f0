import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'

const top = join(import.meta.dirname, '../..')
/** design section 9: core and hls.js adapter together. */
const mostBytes = 3072

async function bundle(entry: string): Promise<{ code: string; imports: string[] }> {
  const { build } = await import('vite')
  const result = await build({
    root: top,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      rollupOptions: {
        input: join(top, entry),
        preserveEntrySignatures: 'strict',
        output: { format: 'es' },
      },
    },
  })
  if (!('output' in result) || result.output.length !== 1) throw new Error('more than one file')
  const [chunk] = result.output
  return { code: chunk.code, imports: [...chunk.imports, ...chunk.dynamicImports] }
}

it('the player with its hls.js adapter stays small and needs nothing else', async () => {
  const { code, imports } = await bundle('player/index.ts')
  expect(code).toContain('as createSession')
  expect(imports).toEqual([])
  expect(code).not.toMatch(/\bprocess\b|\brequire\(|localStorage|sessionStorage|document\.cookie/)
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(mostBytes)
})
