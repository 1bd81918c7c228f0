import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FilesChange, WatchedFiles } from '../../../server/cli/watched-files.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playgate-watched-'))
  file = join(folder, 'playgate.yaml')
  writeFileSync(file, 'one')
})
afterEach(() => rmSync(folder, { recursive: true }))

function watch(list: () => readonly string[] = () => [file]): WatchedFiles {
  const files = new WatchedFiles(list)
  files.note()
  return files
}

/** Two looks in a row: a change is told at the second. */
async function twoLooks(files: WatchedFiles): Promise<FilesChange[]> {
  return [await files.look(), await files.look()]
}

/** In a single step, as editors and deployment tools do. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

describe('files that are looked at', () => {
  it('have not changed when nothing happens to them', async () => {
    expect(await twoLooks(watch())).toEqual(['none', 'none'])
  })

  it.each<[string, () => void]>([
    ['written over', () => writeFileSync(file, 'two')],
    ['replaced by another of that name', () => replace(file, 'two')],
    ['gone', () => rmSync(file)],
    [
      'another one of the same size and time',
      () => {
        utimesSync(file, 1_700_000_000, 1_700_000_000)
        replace(file, 'two')
        utimesSync(file, 1_700_000_000, 1_700_000_000)
      },
    ],
  ])('have changed when one is %s', async (_how, change) => {
    const files = watch()
    change()
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
    expect(await twoLooks(files), 'told once').toEqual(['none', 'none'])
  })

  it.each<[string, () => void]>([
    ['touched', () => utimesSync(file, 1_700_000_000, 1_700_000_000)],
    ['replaced by one that says the same', () => replace(file, 'one')],
    ['given to other readers', () => chmodSync(file, 0o644)],
    ['changed and changed back', () => [replace(file, 'two'), replace(file, 'one')]],
  ])('have not changed when one is %s', async (_how, change) => {
    const files = watch()
    change()
    expect(await twoLooks(files)).toEqual(['unsettled', 'none'])
  })

  it('are left alone while something happens to them', async () => {
    const files = watch()
    for (const text of ['t', 'tw', 'two']) {
      replace(file, text)
      expect(await files.look()).toBe('unsettled')
    }
    expect(await files.look()).toBe('changed')
  })

  it('have changed when a link leads elsewhere, as the directories of Kubernetes do', async () => {
    const through = join(folder, 'current', 'key')
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(folder, version))
      writeFileSync(join(folder, version, 'key'), version)
    }
    symlinkSync('v1', join(folder, 'current'))
    const files = watch(() => [through])
    symlinkSync('v2', join(folder, 'next'))
    renameSync(join(folder, 'next'), join(folder, 'current'))
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
  })

  it('have changed again when one that was gone is back', async () => {
    const files = watch()
    rmSync(file)
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
    writeFileSync(file, 'one')
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
  })

  it('are those that the list names since the last change', async () => {
    const other = join(folder, 'key')
    let listed = [file]
    const files = watch(() => listed)
    writeFileSync(other, 'a')
    expect(await twoLooks(files), 'not listed yet').toEqual(['none', 'none'])

    listed = [file, other]
    replace(file, 'names the other')
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
    replace(other, 'b')
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])

    listed = [file]
    replace(file, 'names none')
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
    replace(other, 'c')
    expect(await twoLooks(files)).toEqual(['none', 'none'])
  })

  it('have not changed by what was noted meanwhile', async () => {
    const files = watch()
    replace(file, 'two')
    expect(await files.look()).toBe('unsettled')
    files.note()
    expect(await twoLooks(files)).toEqual(['none', 'none'])
    replace(file, 'three')
    expect(await twoLooks(files)).toEqual(['unsettled', 'changed'])
  })
})
