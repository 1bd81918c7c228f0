import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type StaticServer, sampleStream, serveFolder } from './static-server.ts'

/** Serves the sample stream without its encrypted variant, which Chromium's own player cannot decode. */
export async function serveClearStream(): Promise<StaticServer> {
  const folder = await mkdtemp(join(tmpdir(), 'playgate-clear-'))
  await cp(sampleStream, folder, { recursive: true })
  const index = join(folder, 'index.m3u8')
  const text = await readFile(index, 'utf8')
  await writeFile(index, text.replace(/#EXT-X-STREAM-INF.*\nv540.*\n/, ''))
  const server = await serveFolder(folder)
  return {
    ...server,
    async close() {
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}
