import { appendFileSync, renameSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bodyOf, streamOf } from './ask.ts'
import { mebibyte, useMediaFolder } from './media-folder.ts'

const media = useMediaFolder()

describe('a large file', () => {
  const large = Buffer.from(
    Uint32Array.from({ length: mebibyte }, (_, at) => at * 2654435761).buffer,
  )

  it('is streamed in large pieces, and closed at its end', async () => {
    media().put('large.ts', large)
    const answer = await media().fetchObject('/large.ts')
    const sizes: number[] = []
    const hashable: Uint8Array[] = []
    for await (const chunk of streamOf(answer)) {
      sizes.push(chunk.length)
      hashable.push(chunk)
    }
    expect(Buffer.concat(hashable).equals(large)).toBe(true)
    expect(new Set(sizes)).toEqual(new Set([256 * 1024]))
  })

  it('is streamed in part', async () => {
    media().put('large.ts', large)
    const headers = { range: `bytes=${mebibyte - 7}-${3 * mebibyte + 12}` }
    const body = await bodyOf(await media().fetchObject('/large.ts', { headers }))
    expect(body.equals(large.subarray(mebibyte - 7, 3 * mebibyte + 13))).toBe(true)
  })

  it('is read no further than its reader goes', async () => {
    media().put('large.ts', large)
    const body = streamOf(await media().fetchObject('/large.ts'))
    await new Promise((resolve) => body.once('readable', resolve))
    await bodyOf(await media().fetchObject('/a.ts'))
    expect(body.readableLength).toBeLessThanOrEqual(2 * 256 * 1024)
    body.destroy()
  })

  it.each([
    ['before it is read', async (client: AbortController) => client.abort()],
    [
      'in its middle',
      async (client: AbortController, next: () => Promise<unknown>) => {
        await next()
        client.abort()
      },
    ],
  ])('is closed when the client leaves %s', async (_name, leave) => {
    media().put('large.ts', large)
    const client = new AbortController()
    const body = streamOf(await media().fetchObject('/large.ts', { signal: client.signal }))
    const closed = new Promise((resolve) => body.once('close', resolve))
    await leave(client, () => new Promise((resolve) => body.once('data', resolve)))
    await closed
    expect(body.errored?.name).toBe('AbortError')
    expect(media().openDescriptors()).toBe(0)
  })

  it('is closed when its body is destroyed', async () => {
    media().put('large.ts', large)
    const body = streamOf(await media().fetchObject('/large.ts'))
    const closed = new Promise((resolve) => body.once('close', resolve))
    body.destroy()
    await closed
    expect(media().openDescriptors()).toBe(0)
  })

  it('that becomes shorter breaks off, instead of ending as if whole', async () => {
    const file = media().put('large.ts', large)
    const body = streamOf(await media().fetchObject('/large.ts'))
    truncateSync(file, 300_000)
    await expect(body.toArray()).rejects.toThrow('the file became shorter')
  })

  it('that becomes longer is sent as long as it was', async () => {
    const file = media().put('large.ts', large)
    const answer = await media().fetchObject('/large.ts')
    appendFileSync(file, 'more')
    expect(await bodyOf(answer)).toHaveLength(large.length)
  })

  it('that is replaced is sent as it was', async () => {
    media().put('large.ts', large)
    const answer = await media().fetchObject('/large.ts')
    media().put('new.ts', 'new')
    renameSync(join(media().root, 'new.ts'), join(media().root, 'large.ts'))
    expect((await bodyOf(answer)).equals(large)).toBe(true)
  })
})
