import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBody } from '../../../server/origin/decode-body.ts'
import { DecodeError } from '../../../server/origin/decode-error.ts'
import {
  zstdBomb,
  zstdEndlessBlock,
  zstdFrame,
  zstdStatedBomb,
  zstdStreamed,
  zstdText,
  zstdWhole,
  zstdWindowBomb,
} from './zstd-material.ts'

const text = zstdText()
const plain = Buffer.from(text)
const limit = 1024 * 1024
const feeds = Buffer.alloc(20 * limit, '\n')
const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex')

async function problemOf(work: Promise<Uint8Array>): Promise<string> {
  try {
    return `decoded to ${(await work).length} bytes`
  } catch (error) {
    if (error instanceof DecodeError) return error.problem
    throw error
  }
}

describe('a body', () => {
  it.each([
    ['nothing', undefined, plain],
    ['an empty header', '', plain],
    ['identity', 'identity', plain],
    ['gzip', 'gzip', gzipSync(plain)],
    ['gzip in capitals', 'GZip', gzipSync(plain)],
    ['x-gzip', 'x-gzip', gzipSync(plain)],
    [
      'gzip in two members',
      'gzip',
      Buffer.concat([gzipSync(plain.subarray(0, 9)), gzipSync(plain.subarray(9))]),
    ],
    ['br', 'br', brotliCompressSync(plain)],
    ['deflate', 'deflate', deflateSync(plain)],
    ['deflate, fast', 'deflate', deflateSync(plain, { level: 1 })],
    ['deflate, raw', 'deflate', deflateRawSync(plain)],
    ['zstd from a pipe', 'zstd', zstdStreamed],
    ['zstd from a file', 'zstd', zstdWhole],
    ['zstd behind a skippable frame', 'zstd', Buffer.concat([skippable, zstdWhole])],
    ['two layers', 'gzip, br', brotliCompressSync(gzipSync(plain))],
    ['two layers with zstd inside', 'zstd, gzip', gzipSync(zstdStreamed)],
    ['two layers and identity', 'gzip, identity,, gzip', gzipSync(gzipSync(plain))],
  ])('is decoded from %s', async (_name, encoding, bytes) => {
    expect(Buffer.from(await decodeBody(bytes, encoding, limit)).toString()).toBe(text)
  })

  it('is decoded from several zstd frames', async () => {
    const bytes = Buffer.concat([zstdStreamed, skippable, zstdWhole])
    expect(Buffer.from(await decodeBody(bytes, 'zstd', limit)).toString()).toBe(text + text)
  })

  it('is decoded from raw and repeated zstd blocks', async () => {
    const frame = zstdFrame([
      { type: 0, size: 3, body: Buffer.from('abc') },
      { type: 1, size: 5, body: Buffer.from('d') },
    ])
    expect(Buffer.from(await decodeBody(frame, 'zstd', limit)).toString()).toBe('abcddddd')
  })

  it.each([
    ['three layers', 'gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(plain))), 'unknown'],
    ['a name nobody knows', 'compress', plain, 'unknown'],
    ['a name of every object', 'constructor', plain, 'unknown'],
    ['text that is no gzip', 'gzip', plain, 'broken'],
    ['text that is no brotli', 'br', Buffer.from('<html>'), 'broken'],
    ['text that is no deflate', 'deflate', Buffer.from('<html>'), 'broken'],
    ['text that is no zstd', 'zstd', plain, 'broken'],
    ['an empty gzip', 'gzip', Buffer.alloc(0), 'broken'],
    ['gzip cut off', 'gzip', gzipSync(plain).subarray(0, -12), 'broken'],
    ['brotli cut off', 'br', brotliCompressSync(plain).subarray(0, -3), 'broken'],
    ['zstd cut off', 'zstd', zstdStreamed.subarray(0, -20), 'broken'],
    ['zstd cut off in its checksum', 'zstd', zstdStreamed.subarray(0, -1), 'broken'],
    ['zstd cut off in its header', 'zstd', zstdStreamed.subarray(0, 5), 'broken'],
    ['zstd with a reserved block', 'zstd', Buffer.from('28b52ffd0058070000', 'hex'), 'broken'],
    [
      'zstd with too large a block',
      'zstd',
      zstdFrame([{ type: 1, size: 200_000, body: Buffer.from('a') }]),
      'broken',
    ],
    ['zstd with a dictionary', 'zstd', Buffer.from('28b52ffd015807010000', 'hex'), 'unknown'],
  ])('is refused when it is %s', async (_name, encoding, bytes, problem) => {
    expect(await problemOf(decodeBody(bytes, encoding, limit))).toBe(problem)
  })

  it.each([
    ['gzip', 'gzip', gzipSync(feeds)],
    ['brotli', 'br', brotliCompressSync(feeds)],
    ['deflate', 'deflate', deflateSync(feeds)],
    ['raw deflate', 'deflate', deflateRawSync(feeds)],
    ['gzip in gzip', 'gzip, gzip', gzipSync(gzipSync(feeds))],
    ['gzip in brotli', 'gzip, br', brotliCompressSync(gzipSync(feeds))],
    ['zstd', 'zstd', zstdBomb],
    ['zstd that says so', 'zstd', zstdStatedBomb],
    ['zstd with a huge window', 'zstd', zstdWindowBomb],
    ['zstd with a window of terabytes', 'zstd', Buffer.from('28b52ffd00ff010000', 'hex')],
    [
      'zstd with a content of exabytes',
      'zstd',
      Buffer.from('28b52ffde0ffffffffffffff7f010000', 'hex'),
    ],
    [
      'zstd of repeated blocks',
      'zstd',
      zstdFrame(
        Array.from({ length: 100 }, () => ({ type: 1, size: 131_072, body: Buffer.from('\n') })),
      ),
    ],
    ['zstd that copies without end', 'zstd', zstdEndlessBlock()],
  ])('that is a bomb of %s is refused within bounded memory', async (_name, encoding, bytes) => {
    expect(bytes.length).toBeLessThan(limit / 4)
    const before = process.memoryUsage()
    expect(await problemOf(decodeBody(bytes, encoding, limit))).toBe('too-large')
    const after = process.memoryUsage()
    expect(after.rss - before.rss).toBeLessThan(64 * limit)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * limit)
  })

  it('may be exactly as large as the limit', async () => {
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(plain)],
      ['br', brotliCompressSync(plain)],
      ['zstd', zstdStreamed],
    ] as const) {
      expect(await problemOf(decodeBody(bytes, encoding, plain.length))).toBe(
        `decoded to ${plain.length} bytes`,
      )
      expect(await problemOf(decodeBody(bytes, encoding, plain.length - 1))).toBe('too-large')
    }
  })

  it('of any bytes is decoded or refused, never more than the limit', async () => {
    const encodings = fc.constantFrom('gzip', 'br', 'deflate', 'zstd')
    // Bytes that begin like a zstd frame get further than others.
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .uint8Array({ maxLength: 60 })
        .map((tail) => Buffer.concat([zstdStreamed.subarray(0, 40), tail])),
    )
    await fc.assert(
      fc.asyncProperty(encodings, bytes, async (encoding, body) => {
        const outcome = await problemOf(decodeBody(body, encoding, 4096))
        const size = /^decoded to (\d+) bytes$/.exec(outcome)?.[1]
        if (size === undefined) expect(['too-large', 'broken', 'unknown']).toContain(outcome)
        else expect(Number(size)).toBeLessThanOrEqual(4096)
      }),
    )
  })
})
