import { describe, expect, it } from 'vitest'
import { compilePlaylist, rewritePlaylist } from '../../../server/playlist/index.ts'
import { Template } from '../../../server/playlist/template.ts'
import { bytes, text } from './bytes.ts'
import { base, parameter } from './rewrite.ts'

describe('a template', () => {
  it('puts the token between its pieces', () => {
    const template = new Template(['<', '|\u00ff|', '>'])
    expect(template.placeCount).toBe(2)
    expect(text(template.render(bytes('T')))).toBe('<T|\u00ff|T>')
    expect(text(template.render(bytes('')))).toBe('<|\u00ff|>')
    expect(text(template.render(bytes('long')))).toBe('<long|\u00ff|long>')
  })

  it('remembers nothing of a token, and not too many lengths', () => {
    const template = new Template(['<', '>'])
    for (let round = 0; round < 3; round++) {
      for (let length = 0; length < 20; length++) {
        const token = String(round).repeat(length)
        expect(text(template.render(bytes(token)))).toBe(`<${token}>`)
      }
    }
  })

  it('gives each copy memory of its own', () => {
    const template = new Template(['<', '>'])
    const first = template.render(bytes('T'))
    first.fill(0)
    expect(text(template.render(bytes('T')))).toBe('<T>')
  })
})

describe('a compiled playlist', () => {
  const body = bytes(
    '#EXTM3U\n#EXT-X-MAP:URI="i.mp4"\n#EXTINF:1,\u00fc\na.ts?x#f\n\nhttps://evil.example/',
  )

  it.each(['query', 'path', 'define'] as const)(
    'renders what rewriting gives, in mode %s',
    (mode) => {
      const compiled = compilePlaylist(body, { base, parameter, mode })
      for (const value of ['T', 'another', 'T/2']) {
        const expected = rewritePlaylist(body, { base, parameter, mode, value })
        expect(compiled.render(value)).toEqual(expected)
      }
      expect(compiled.uriCount).toBe(2)
    },
  )

  it('does not follow later changes of the body', () => {
    const mutable = body.slice()
    const compiled = compilePlaylist(mutable, { base, parameter, mode: 'query' })
    const before = text(compiled.render('T'))
    mutable.fill(0)
    expect(text(compiled.render('T'))).toBe(before)
  })

  it('shows its constant pieces, for templates of other kinds', () => {
    const { pieces, render } = compilePlaylist(body, { base, parameter, mode: 'query' })
    expect(pieces.map(text).join('T')).toBe(text(render('T')))
  })

  it('takes a token in the base of path mode for the one it renders', () => {
    const options = { parameter, mode: 'path' as const }
    const inherited = compilePlaylist(bytes('#EXTM3U\na.ts\n/b.ts\n'), {
      ...options,
      base: 'https://own.example/hdntl=any/vod/i.m3u8',
    })
    expect(text(inherited.render('T'))).toBe('#EXTM3U\na.ts\n/hdntl=T/b.ts\n')
    expect(text(inherited.render('U'))).toBe('#EXTM3U\na.ts\n/hdntl=U/b.ts\n')
    expect(inherited.uriCount).toBe(1)
  })

  it('hands a body that is no playlist back', () => {
    const compiled = compilePlaylist(bytes('<p>\u00ff'), { base, parameter, mode: 'query' })
    expect(compiled).toMatchObject({ isPlaylist: false, uriCount: 0 })
    expect(text(compiled.render('T'))).toBe('<p>\u00ff')
  })
})
