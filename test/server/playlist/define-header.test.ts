import { describe, expect, it } from 'vitest'
import { compilePlaylist } from '../../../server/playlist/index.ts'
import { PlaybackError } from '../../../shared/codes.ts'
import { bytes, text } from './bytes.ts'
import { base, parameter, rewrite } from './rewrite.ts'

const define = (playlist: string) => rewrite(playlist, { mode: 'define' })
const line = '#EXT-X-DEFINE:QUERYPARAM="hdntl"'
const ref = '?hdntl={$hdntl}'

describe('define mode', () => {
  it.each([
    ['#EXTM3U\na.ts\n', `#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`],
    ['#EXTM3U\na.ts', `#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}`],
    ['#EXTM3U\r\na.ts', `#EXTM3U\r\n#EXT-X-VERSION:11\r\n${line}\r\na.ts${ref}`],
    ['#EXTM3U\ra.ts\n', `#EXTM3U\r#EXT-X-VERSION:11\r${line}\ra.ts${ref}\n`],
    ['#EXTM3U\n#EXT-X-VERSION:3\na.ts\n', `#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`],
    ['#EXTM3U\n#EXT-X-VERSION:11\na.ts\n', `#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`],
    ['#EXTM3U\n#EXT-X-VERSION:13\na.ts\n', `#EXTM3U\n#EXT-X-VERSION:13\n${line}\na.ts${ref}\n`],
    ['#EXTM3U\n#EXT-X-VERSION: 10 \na.ts\n', `#EXTM3U\n#EXT-X-VERSION: 11 \n${line}\na.ts${ref}\n`],
    ['#EXTM3U\n#EXT-X-VERSION:x\na.ts\n', `#EXTM3U\n#EXT-X-VERSION:x\n${line}\na.ts${ref}\n`],
    [
      '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:7\na.ts\n',
      `#EXTM3U\n${line}\n#EXT-X-TARGETDURATION:4\n#EXT-X-VERSION:11\na.ts${ref}\n`,
    ],
    ['#EXTM3U\n\n#EXT-X-VERSION:7\na.ts\n', `#EXTM3U\n${line}\n\n#EXT-X-VERSION:11\na.ts${ref}\n`],
    ['# c\n#EXTM3U x\na.ts\n', `# c\n#EXTM3U x\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`],
    [
      '\u00ef\u00bb\u00bf#EXTM3U\na.ts\n',
      `\u00ef\u00bb\u00bf#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`,
    ],
    [`#EXTM3U\n${line}\na.ts\n`, `#EXTM3U\n#EXT-X-VERSION:11\n${line}\na.ts${ref}\n`],
    [
      '#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-DEFINE:IMPORT="hdntl"\na.ts\n',
      `#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-DEFINE:IMPORT="hdntl"\na.ts${ref}\n`,
    ],
    [
      '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="x"\na.ts?x={$x}&hdntl=OLD#f\n',
      `#EXTM3U\n#EXT-X-VERSION:11\n${line}\n#EXT-X-DEFINE:QUERYPARAM="x"\na.ts?x={$x}&hdntl={$hdntl}#f\n`,
    ],
  ])('%j', (before, after) => {
    expect(define(before)).toBe(after)
    expect(define(after)).toBe(after)
  })

  it.each([
    '#EXTM3U',
    '#EXTM3U\n#EXTINF:1,\n',
    '#EXTM3U\n#EXT-X-VERSION:3\nhttps://evil.example/x\n',
  ])('adds nothing where there is nothing to fill in: %j', (playlist) => {
    expect(define(playlist)).toBe(playlist)
  })

  it('is the same for all, needs no value, and holds none', () => {
    const body = bytes('#EXTM3U\na.ts\n#EXT-X-MAP:URI="i.mp4"\n')
    const compiled = compilePlaylist(body, { base, parameter, mode: 'define' })
    expect(compiled.uriCount).toBe(2)
    expect(compiled.pieces).toHaveLength(1)
    expect(text(compiled.render())).toBe(text(compiled.render('secret')))
    expect(text(compiled.render('secret'))).not.toContain('secret')
  })

  it.each([
    ['a variable of the same name', '#EXTM3U\n#EXT-X-DEFINE:NAME="hdntl",VALUE="x"\na.ts\n'],
    ['one even behind all URIs', '#EXTM3U\na.ts\n#EXT-X-DEFINE:NAME="hdntl",VALUE="x"\n'],
    ['a definition that comes too late', `#EXTM3U\na.ts\n${line}\n`],
  ])('refuses %s, which would fail in every player', (_, playlist) => {
    expect(() => define(playlist)).toThrow(PlaybackError)
    expect(() => define(playlist)).toThrow(/choose another parameter/)
    expect(rewrite(playlist)).toMatch(/a\.ts\?hdntl=exp/)
  })
})
