import { describe, expect, it } from 'vitest'
import { type StagedGate, sessionTokenOf, startGate, testKey } from '../stage/start-gate.ts'

/*
 * A second Playgate is the site's own server that the first one asks: the token that the first took at its face is judged once more, by
 * another key and other rules, through the endpoint for Tencent's remote authentication.
 */

const playlist = '/vod/film/index.m3u8'
const secret = 'between-two-gates-0123'
const siteKey = 'c3a0f1d2e4b5968778695a4b3c2d1e0f00112233445566778899aabbccddee0f'

interface Pair {
  readonly edge: StagedGate
  readonly site: StagedGate
  /** A link that both gates have to like: the edge's token, and the site's under another name. */
  link(path?: string): string
}

async function startPair(sent = secret): Promise<Pair> {
  const site = await startGate({
    access: { parameter: 'pass' },
    session: null,
    configuration: {
      keys: { vod: { primary: siteKey } },
      authorize: { secret },
      // The edge reports its viewers' addresses.
      trustedProxies: ['127.0.0.1'],
    },
  })
  const edge = await startGate({
    rule: { remoteAuth: 'site' },
    configuration: {
      keys: { vod: { primary: testKey } },
      remotes: {
        site: {
          url: `${site.url}/_playgate/authorize/tencent`,
          timeoutMs: 500,
          retries: 0,
          parameters: {
            keep: 'none',
            add: { uri: '$uri', host: '$host', client_ip: '$client_ip' },
          },
          headers: { keep: 'none', add: { 'X-Playgate-Secret': sent } },
        },
      },
    },
  })
  return {
    edge,
    site,
    link: (path = '/vod/film/*') =>
      `${playlist}?pass=${site.gate.mint({ path, ttlSeconds: 60 })}&hdnts=${edge.mint()}`,
  }
}

describe('a Playgate that asks another', () => {
  it('opens a session where both agree, and asks no more for what belongs to it', async () => {
    const { edge, site, link } = await startPair()
    const opened = await edge.ask(link())
    expect(opened.status).toBe(200)
    const token = sessionTokenOf(opened)
    const asked = () => site.log.filter((line) => line.includes('"event":"authorize"')).length
    const before = asked()
    expect(before).toBe(1)
    expect((await edge.ask(`/vod/film/low/1.m4s?hdntl=${token}`)).status).toBe(200)
    expect(asked()).toBe(before)
    expect(site.origin.requests).toEqual([])
  })

  it.each([
    ['brings the other’s token for another film', ({ link }: Pair) => link('/vod/other/*')],
    ['brings it changed', ({ link }: Pair) => link().replace(/(pass=[^&]*)[^&]&/, '$1x&')],
    ['brings none for it', ({ edge }: Pair) => `${playlist}?hdnts=${edge.mint()}`],
  ])('refuses a viewer who %s', async (_what, linkOf) => {
    const pair = await startPair()
    const answer = await pair.edge.ask(linkOf(pair))
    expect([answer.status, answer.problem.reason]).toEqual([403, 'remote-refused'])
  })

  it('asks about what the viewer asked for, whatever he writes where the question has its own', async () => {
    const { edge, link } = await startPair()
    const forged = '&uri=%2fvod%2fother%2findex.m3u8&host=other.example&client_ip=192.0.2.1'
    expect((await edge.ask(link('/vod/film/*') + forged)).status).toBe(200)
    expect((await edge.ask(link('/vod/other/*') + forged)).problem.reason).toBe('remote-refused')
  })

  it('refuses everybody where the other does not know it', async () => {
    const { edge, link } = await startPair('not-the-secret-of-them')
    expect((await edge.ask(link())).problem.reason).toBe('remote-refused')
  })
})
