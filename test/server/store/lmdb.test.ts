import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { openLmdbFile } from '../../../server/store/lmdb-file.ts'
import { OptionError } from '../../../shared/codes.ts'
import { createClock } from '../../stage/clock.ts'
import { useClosing } from '../../stage/closing.ts'

const options = { keepSeconds: 60, binding: 'one', graceSeconds: 0 }
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-lmdb-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const closing = useClosing()

const clock = createClock()
const open = (name: string, more: { maxMarkers?: number } = {}) =>
  closing(
    createStore(`lmdb:${name}`, {
      now: clock.now,
      baseDirectory: folder,
      timeoutMs: 10_000,
      ...more,
    }),
  )

describe('the LMDB store', () => {
  it('makes its directory, parents included, for its own user alone', async () => {
    await open('a/b/c').check()
    expect(existsSync(join(folder, 'a/b/c/data.mdb'))).toBe(true)
    expect(statSync(join(folder, 'a/b/c')).mode & 0o077).toBe(0)
  })

  it('remembers across restarts', async () => {
    const before = open('store')
    expect(await before.spend('a', options)).toBe('first')
    await before.close()
    expect(await open('store').spend('a', options)).toBe('spent')
  })

  it('refuses when it is full of live markers, drops none, and takes new ones when they have ended', async () => {
    const store = open('store', { maxMarkers: 300 })
    const ids = Array.from({ length: 320 }, (_, index) => `id-${index}`)
    const outcomes = await Promise.allSettled(ids.map((id) => store.spend(id, options)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(300)
    await expect(store.spend('more', options)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining('full'),
    })
    expect(await store.spend('id-0', options)).toBe('spent')
    clock.advance(60_000)
    expect(await store.spend('more', options)).toBe('first')
  })

  it('keeps its file from growing with what has ended', async () => {
    const store = open('store')
    const round = async (number: number) => {
      await Promise.all(
        Array.from({ length: 500 }, (_, index) => store.spend(`${number}-${index}`, options)),
      )
      clock.advance(60_000)
      return statSync(join(folder, 'store/data.mdb')).size
    }
    for (let number = 0; number < 4; number++) await round(number)
    const early = await round(4)
    for (let number = 5; number < 14; number++) await round(number)
    expect(await round(14)).toBeLessThanOrEqual(early * 1.5)
  })

  it('never takes a spent id anew after the clock was set forward and back', async () => {
    let now = 1_000_000
    const location = { now: () => now, baseDirectory: folder, timeoutMs: 10_000 }
    const store = closing(createStore('lmdb:clock', location))
    expect(await store.spend('a', options)).toBe('first')
    now += 86_400_000
    expect(await store.spend('b', options)).toBe('first')
    await store.close()
    now -= 86_400_000
    const again = closing(createStore('lmdb:clock', location))
    await expect(again.spend('a', options)).rejects.toMatchObject({ status: 503 })
    now += 1000
    expect(await again.spend('c', options)).toBe('first')
  })

  it.each(['1', '99'])('refuses records of format %s, and leaves them alone', async (other) => {
    const file = openLmdbFile(join(folder, 'store'), 2 ** 20)
    await file.facts.put(Buffer.from('format'), Buffer.from(other))
    await file.root.close()
    const before = readFileSync(join(folder, 'store/data.mdb'))
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => open('store')).toThrow(OptionError)
      expect(() => open('store')).toThrow(`was written in format ${other}, and this version reads`)
    }
    expect(readFileSync(join(folder, 'store/data.mdb')).equals(before)).toBe(true)
  })

  it('leaves nothing beside its database in its directory', async () => {
    await open('store').check()
    expect(readdirSync(join(folder, 'store')).sort()).toEqual(['data.mdb', 'lock.mdb'])
  })

  // Permission bits do not bind root; nobody may make anything there.
  it('says so where nothing can be written', () => {
    expect(() => open('/sys/playgate')).toThrow(OptionError)
    expect(() => open('/sys/playgate')).toThrow(/lmdb:\/sys\/playgate: cannot be written to/)
  })

  it.each<[string, (path: string) => void, RegExp]>([
    ['a file in its place', (path) => writeFileSync(path, 'x'), /cannot be written to/],
    ['a file on the way', (path) => writeFileSync(join(path, '..', 'way'), 'x'), /ENOTDIR/],
    ['a broken link', (path) => symlinkSync('/nowhere/at/all', path), /cannot be written to/],
    [
      'a directory instead of the database',
      (path) => mkdirSync(join(path, 'data.mdb'), { recursive: true }),
      /data\.mdb is not a file/,
    ],
    [
      'a directory instead of the lock',
      (path) => mkdirSync(join(path, 'lock.mdb'), { recursive: true }),
      /lock\.mdb is not a file/,
    ],
    [
      'a broken link instead of the lock',
      (path) => {
        mkdirSync(path)
        symlinkSync('/nowhere/at/all', join(path, 'lock.mdb'))
      },
      /cannot be written to: ENOENT/,
    ],
    [
      'a broken link instead of the database',
      (path) => {
        mkdirSync(path)
        symlinkSync('/nowhere/at/all', join(path, 'data.mdb'))
      },
      /cannot be written to: ENOENT/,
    ],
    [
      'a file that is no database',
      (path) => {
        mkdirSync(path)
        writeFileSync(join(path, 'data.mdb'), 'not a database, whatever its name says')
      },
      /data\.mdb is not a database/,
    ],
  ])('says what is wrong with %s', (what, prepare, message) => {
    const name = what === 'a file on the way' ? 'way/store' : 'store'
    prepare(join(folder, 'store'))
    expect(() => open(name)).toThrow(OptionError)
    expect(() => open(name)).toThrow(message)
  })
})
