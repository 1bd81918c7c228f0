import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  questionIdentity,
  questionMaker,
  type RemoteQuestion,
} from '../../../server/remote/question.ts'
import { type Asked, judged, viewerAsks } from './staged.ts'

function question(entry: Record<string, unknown>, asked: Asked): RemoteQuestion {
  return questionMaker(judged(entry), ['hdntl', 'play'])(viewerAsks(asked))
}

const sessionToken = 'exp=1760000000~acl=/vod/*~id=a1~data=hdntl,ra=x~hmac=0a1b2c'

const target = (parameters: unknown, query: string): string =>
  question({ parameters }, { target: `/vod/film.m3u8?${query}` }).target

const headers = (selection: unknown, sent: NonNullable<Asked['headers']>) =>
  question({ headers: selection }, { headers: sent }).headers

describe('the parameters of a question', () => {
  it.each([
    ['all', 'b=2&a=%7e1&a=3&empty=&bare&%zz=1', '/auth?b=2&a=%7e1&a=3&empty=&bare&%zz=1'],
    ['none', 'b=2&a=1', '/auth'],
    [['a'], 'b=2&a=1&A=3&a=4', '/auth?a=1&a=4'],
    [['a'], '%61=1&aa=2', '/auth?%61=1'],
    [['c'], 'b=2', '/auth'],
  ])('are kept as %j says, byte for byte', (keep, query, expected) => {
    expect(target({ keep }, query)).toBe(expected)
  })

  it('keep the access token, and never a session token', () => {
    const query = 'hdnts=exp=1~hmac=a&hdntl=exp=2~hmac=b&%68dntl=x&play=y&a=1'
    expect(target({ keep: 'all' }, query)).toBe('/auth?hdnts=exp=1~hmac=a&a=1')
    expect(target({ keep: ['hdntl', 'a'] }, query)).toBe('/auth?a=1')
  })

  it('keep no pair in which a session token stands in another way', () => {
    const next = encodeURIComponent(`/vod/1.ts?hdntl=${sessionToken}`)
    const nested = encodeURIComponent(`/login?next=${next}`)
    const query = `next=${next}&hdnts=${sessionToken}&nested=${nested}&broken=%zz${next}&a=1`
    expect(target({ keep: 'all' }, query)).toBe('/auth?a=1')
    expect(target({ keep: 'none', add: { uri: '$uri' } }, query)).toBe(
      '/auth?uri=%2Fvod%2Ffilm.m3u8%3Fa%3D1',
    )
  })

  it('have what is added at their end, escaped', () => {
    const add = {
      host: '$host',
      uri: '$uri',
      client_ip: '$client_ip',
      cdn_ip: '$cdn_ip',
      site: 'a b&c=d',
    }
    expect(target({ add }, 'hdnts=a~b/*&hdntl=c&x=%2f')).toBe(
      '/auth?hdnts=a~b/*&x=%2f' +
        '&host=video.example' +
        `&uri=${encodeURIComponent('/vod/film.m3u8?hdnts=a~b/*&x=%2f')}` +
        '&client_ip=192.0.2.7&cdn_ip=198.51.100.2&site=a%20b%26c%3Dd',
    )
  })

  it('name the URI without the session token that stood in its path', () => {
    const asked = { target: '/hdntl=exp=1~hmac=a/vod/1.ts?a=1', rawPath: '/vod/1.ts' }
    expect(question({ parameters: { add: { uri: '$uri' } } }, asked).target).toBe(
      '/auth?a=1&uri=%2Fvod%2F1.ts%3Fa%3D1',
    )
  })

  it('name a URI without a query as it is', () => {
    expect(question({ parameters: { add: { uri: '$uri' } } }, { target: '/a%2Cb' }).target).toBe(
      '/auth?uri=%2Fa%252Cb',
    )
  })

  it.each([
    ['the name itself', 'client_ip=6.6.6.6'],
    ['without a value', 'client_ip'],
    ['escaped', '%63lient%5fip=6.6.6.6'],
    ['escaped in the other case', '%63lient%5Fip=6.6.6.6'],
    ['in capitals', 'CLIENT_IP=6.6.6.6'],
    ['behind a blank', '+client_ip=6.6.6.6'],
    ['behind an escaped blank', '%20client_ip=6.6.6.6'],
    ['as a list', 'client_ip[]=6.6.6.6'],
    ['as an escaped list', 'client_ip%5B0%5D=6.6.6.6'],
    ['with a dot, as PHP reads it', 'client.ip=6.6.6.6'],
    ['with a blank, as PHP reads it', 'client+ip=6.6.6.6'],
    ['cut by a NUL', 'client_ip%00x=6.6.6.6'],
    ['behind a semicolon', 'x=1;client_ip=6.6.6.6'],
    ['beside a broken escape', 'client_ip%00%f=6.6.6.6'],
  ])('drop what a viewer puts under an added name: %s', (_how, pair) => {
    const parameters = { add: { client_ip: '$client_ip' } }
    expect(target(parameters, `a=1&${pair}&b=2`)).toBe('/auth?a=1&b=2&client_ip=192.0.2.7')
    expect(target(parameters, pair)).toBe('/auth?client_ip=192.0.2.7')
  })

  it('show each added name once, and with our value, to whatever reads them', () => {
    const names = ['host', 'uri', 'client_ip', 'x.y']
    const add = { host: '$host', uri: '$uri', client_ip: '$client_ip', 'x.y': 'ours' }
    const make = questionMaker(judged({ parameters: { add } }), ['hdntl'])
    const piece = fc.oneof(
      fc.constantFrom(...names, 'hdnts', 'HOST', 'client.ip', '&', '=', ';', '%', '[', ']', '+'),
      fc.constantFrom('%68ost', 'x%2Ey', '%5B', '%00', '%26', '%3d', '_', '.'),
      fc.string({ minLength: 1, maxLength: 3 }).map(encodeURIComponent),
    )
    const query = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(query, (text) => {
        const made = make(viewerAsks({ target: `/a.m3u8?${text}` })).target
        const read = new URL(made, 'https://site.example').searchParams
        expect(read.getAll('host')).toEqual(['video.example'])
        expect(read.getAll('client_ip')).toEqual(['192.0.2.7'])
        expect(read.getAll('x.y')).toEqual(['ours'])
        expect(read.getAll('uri')).toHaveLength(1)
        expect(made).toMatch(/^[!-~]+$/)
      }),
    )
  })
})

describe('the headers of a question', () => {
  const sent = {
    host: 'video.example',
    'user-agent': 'Player/1',
    referer: 'https://site.example/watch',
    'x-custom': ['one', 'two'],
  }

  it('are all of the viewer, but for Host', () => {
    expect(headers({}, sent)).toEqual({
      'user-agent': 'Player/1',
      referer: 'https://site.example/watch',
      'x-custom': 'one, two',
    })
  })

  it('are none', () => {
    expect(headers({ keep: 'none' }, sent)).toEqual({})
  })

  it('are those of a list, whatever the case', () => {
    expect(headers({ keep: ['X-CUSTOM', 'User-Agent', 'Missing'] }, sent)).toEqual({
      'user-agent': 'Player/1',
      'x-custom': 'one, two',
    })
  })

  it.each([
    ...['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'upgrade', 'host'],
    ...['expect', 'range', 'if-none-match', 'if-modified-since', 'proxy-authorization'],
    ...['playgate-signature', 'playgate-timestamp', ':authority', 'content_length', 'hdntl'],
  ])('never have %s', (name) => {
    expect(headers({}, { [name]: 'x' })).toEqual({})
  })

  it.each([
    ...['cookie', 'authorization', 'content-type', 'forwarded', 'x-forwarded-for', 'x-real-ip'],
    ...['x_forwarded_for', 'X-Playgate-Secret'.toLowerCase()],
  ])('leave %s out of all, and have it where a list names it', (name) => {
    expect(headers({}, { [name]: 'x' })).toEqual({})
    expect(headers({ keep: [name] }, { [name]: 'x' })).toEqual({ [name]: 'x' })
  })

  it('keep what a Connection header names, which has no say in it', () => {
    const listed = { connection: 'close, x-custom', 'x-custom': 'here' }
    expect(headers({}, listed)).toEqual({ 'x-custom': 'here' })
  })

  it('are sent with ours in place of the viewer’s', () => {
    const add = {
      'X-Forwarded-For': '$x_forwarded_for',
      'X-Agent': '$user_agent',
      'X-Page': '$referer',
      'X-Site': 'fixed',
    }
    const forged = { ...sent, 'x-forwarded-for': '6.6.6.6', x_site: 'forged', 'x-site': 'forged' }
    expect(headers({ keep: 'all', add }, forged)).toEqual({
      'user-agent': 'Player/1',
      referer: 'https://site.example/watch',
      'x-custom': 'one, two',
      'x-forwarded-for': '192.0.2.7',
      'x-agent': 'Player/1',
      'x-page': 'https://site.example/watch',
      'x-site': 'fixed',
    })
  })

  it('lack an added one for which the viewer has nothing', () => {
    const add = { 'X-Page': '$referer', Cookie: '$cookie', Authorization: '$authorization' }
    expect(headers({ keep: 'none', add }, { 'x-page': 'forged' })).toEqual({})
  })

  it.each<[how: string, selection: Record<string, unknown>]>([
    ['named in a list', { keep: ['Cookie'] }],
    ['added', { keep: 'none', add: { Cookie: '$cookie' } }],
  ])('have the cookies, %s, without session tokens', (_how, selection) => {
    const cookie = ['user=1; hdntl=a~b; __Host-hdntl=c', 'play=x; hdnts=access; last']
    expect(headers(selection, { cookie })).toEqual({ cookie: 'user=1; hdnts=access; last' })
    expect(headers(selection, { cookie: 'hdntl=a' })).toEqual({})
    expect(headers(selection, { cookie: `a=1; old=${sessionToken}` })).toEqual({ cookie: 'a=1' })
  })

  it.each([
    ...[
      'x-original-uri',
      'x-original-url',
      'x-forwarded-uri',
      'x-rewrite-url',
      'x-envoy-original-path',
    ],
    ...['x-replaced-path', 'x-any-other', 'referer'],
  ])('tell in %s where the viewer went, without session tokens', (name) => {
    const kept = (value: string) => headers({ keep: [name] }, { [name]: value })[name]
    expect(kept(`/vod/1.ts?a=%7e&hdntl=${sessionToken}&hdnts=access`)).toBe(
      '/vod/1.ts?a=%7e&hdnts=access',
    )
    expect(kept(`/vod/1.ts?hdntl=${sessionToken}`)).toBe('/vod/1.ts')
    expect(kept(`/hdntl=${sessionToken}/vod/1.ts`)).toBe('/vod/1.ts')
    expect(kept(`/play=exp=1~acl=/vod/*~data=hdntl~hmac=0a/vod/1.ts?a=1`)).toBe('/vod/1.ts?a=1')
    expect(kept(`https://site.example/hdntl=${sessionToken}/vod/?play=${sessionToken}`)).toBe(
      'https://site.example/vod/',
    )
    expect(kept(`/page?a=1&next=${encodeURIComponent(`/1.ts?hdntl=${sessionToken}`)}`)).toBe(
      '/page?a=1',
    )
    expect(kept('/vod/1.ts?a=1&hdnts=access')).toBe('/vod/1.ts?a=1&hdnts=access')
  })

  it.each([
    `hdntl=${sessionToken}&a=1`,
    `nor="1.ts${encodeURIComponent(`?hdntl=${sessionToken}`)}"`,
    `/hdntl=one/hdntl=two/vod/1.ts`,
    `Bearer ${sessionToken}`,
  ])('are not sent where a session token cannot be cut out: %s', (value) => {
    expect(headers({ keep: ['x-custom'] }, { 'x-custom': value })).toEqual({})
  })

  it.each(['a\r\nx-evil: 1', 'a\0', 'a\x7f', 'ł'])(
    'drop a value that no header can have: %j',
    (value) => {
      expect(headers({}, { 'x-custom': value })).toEqual({})
    },
  )

  it('take a name that objects have for any other', () => {
    const made = headers({}, { ['__proto__']: 'x' })
    expect(Object.entries(made)).toEqual([['__proto__', 'x']])
  })
})

describe('the identity of a question', () => {
  const base = { target: '/a.m3u8?b=1', headers: { 'user-agent': 'one' } }

  it('is the same for the same request', () => {
    expect(questionIdentity(question({}, base))).toBe(questionIdentity(question({}, base)))
  })

  it.each<[what: string, asked: Asked]>([
    ['parameter', { ...base, target: '/a.m3u8?b=2' }],
    ['header', { ...base, headers: { 'user-agent': 'two' } }],
    ['further header', { ...base, headers: { 'user-agent': 'one', 'x-a': '' } }],
  ])('is another one with another %s', (_what, asked) => {
    expect(questionIdentity(question({}, asked))).not.toBe(questionIdentity(question({}, base)))
  })
})
