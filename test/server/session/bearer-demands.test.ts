import { describe, expect, it } from 'vitest'
import {
  bearerDemands,
  describeDemands,
  judgeBearer,
} from '../../../server/session/bearer-demands.ts'
import { judgeDemands } from '../../../server/session/judge-demands.ts'
import type { RequestFacts } from '../../../server/session/request-facts.ts'
import { parseParams } from '../../../server/token/ectoken-params.ts'
import type { CanonicalPath } from '../../../shared/request-target.ts'
import { epochSeconds } from '../../../shared/units.ts'

const judging = { now: epochSeconds(1000), geoip: null }

function facts(
  change: Partial<Record<'path' | 'clientAddress' | 'referer', string>> = {},
): RequestFacts {
  const { path = '/vod/x', clientAddress = '198.51.100.7', referer } = change
  return {
    method: 'GET',
    target: path,
    rawPath: path,
    path: path as CanonicalPath,
    host: 'a.example',
    scheme: 'https',
    clientAddress,
    serverAddress: '',
    viaTrustedProxy: false,
    headers: new Map(referer === undefined ? [] : [['referer', [referer]]]),
  } as RequestFacts
}

describe('what a timed or managed token asks of its bearer', () => {
  it('is nothing where it names neither address nor pages', () => {
    expect(bearerDemands({ clientIp: null, referrer: null })).toBeNull()
    expect(judgeBearer(null, facts(), judging)).toEqual({ ok: true })
    expect(describeDemands({ clientIp: null, referrer: null })).toBe('')
  })

  it.each([
    ['211.37.', '211.37.0.0/16'],
    ['10.', '10.0.0.0/8'],
    ['1.2.3.', '1.2.3.0/24'],
    ['1.2.3.4', '1.2.3.4'],
    ['2001:db8::/32', '2001:db8::/32'],
  ])('is said in the words of an ectoken: %s', (clientIp, block) => {
    const demands = bearerDemands({ clientIp, referrer: 'a.example' })
    expect(demands?.params).toEqual({
      ec_clientip: block,
      ec_ref_allow: ['a.example', '*.a.example'],
    })
    expect(describeDemands({ clientIp, referrer: 'a.example' })).toBe(
      `, from ${clientIp}, on pages of a.example`,
    )
  })

  it('that no address can be, is met by nobody', () => {
    const demands = bearerDemands({ clientIp: 'rubbish', referrer: null })
    expect(judgeBearer(demands, facts(), judging).ok).toBe(false)
  })

  it.each<[Parameters<typeof facts>[0], string | null]>([
    [{ clientAddress: '198.51.100.7', referer: 'https://www.a.example/' }, null],
    [{ clientAddress: '198.51.100.8', referer: 'https://a.example/' }, null],
    [{ clientAddress: '198.51.100.7', referer: 'https://b.example/' }, 'made for the pages'],
    [{ clientAddress: '198.51.101.7', referer: 'https://a.example/' }, 'made for another address'],
    [{ clientAddress: '', referer: 'https://a.example/' }, 'made for another address'],
    [{}, 'made for the pages of another site'],
  ])('is judged, and told in its own words: %j', (change, detail) => {
    const demands = bearerDemands({ clientIp: '198.51.100.0/24', referrer: 'a.example' })
    const answer = judgeBearer(demands, facts(change), judging)
    const expected = { ok: false, detail: expect.stringContaining(detail ?? '') }
    expect(answer).toMatchObject(detail === null ? { ok: true } : expected)
  })
})

describe('demands', () => {
  it.each([
    ['ec_url_allow=/vod/', '/vod/x', true],
    ['ec_url_allow=/vod/a%20b', '/vod/a%20b', true],
    ['ec_url_allow=/vod/a b', '/vod/a%20b', true],
    ['ec_url_allow=/vod/ä', '/vod/%c3%a4', true],
    ['ec_url_allow=/vod/%C3%A4', '/vod/%c3%a4', false],
    ['ec_url_allow=/vod/a%2520b', '/vod/a%20b', false],
    ['ec_url_allow=/vod/', '/vod/../x', false],
  ])('%s on %s are met: %s, the path as it stands or decoded once', (text, path, isMet) => {
    expect(judgeDemands(parseParams(text), facts({ path }), judging, {}).ok).toBe(isMet)
  })

  it('that cannot be read are met by nobody', () => {
    expect(judgeDemands(null, facts(), judging, { allowUnrestricted: true }).ok).toBe(false)
  })

  it('look the country up only where it is asked for, and once', () => {
    let lookUps = 0
    const countryOf = () => {
      lookUps += 1
      return 'DE'
    }
    const geoip = { needsTrustedProxy: false, countryOf }
    const judge = (text: string) =>
      judgeDemands(parseParams(text), facts(), { ...judging, geoip }, {}).ok
    expect(judge('ec_url_allow=/vod/')).toBe(true)
    expect(lookUps).toBe(0)
    expect([judge('ec_country_allow=DE'), judge('ec_country_deny=DE')]).toEqual([true, false])
    expect(lookUps).toBe(2)
  })

  it.each(['ec_country_deny=DE', 'ec_country_allow=DE', 'ec_country_allow=DE&ec_country_deny=US'])(
    '%s is met by nobody where countries cannot be known',
    (text) => {
      const blind = { needsTrustedProxy: true, countryOf: () => null }
      const params = parseParams(`${text}&ec_url_allow=/vod/`)
      for (const geoip of [null, blind]) {
        const judge = (more: object = {}) =>
          judgeDemands(params, { ...facts(), ...more }, { ...judging, geoip }, {})
        expect(judge()).toMatchObject({ ok: false, reason: 'country_not_judged' })
      }
      const told = { needsTrustedProxy: true, countryOf: () => 'DE' }
      const viaProxy = { ...facts(), viaTrustedProxy: true }
      const answer = judgeDemands(params, viaProxy, { ...judging, geoip: told }, {})
      expect(answer.ok).toBe(text !== 'ec_country_deny=DE')
    },
  )

  it('are refused for what else is wrong before that, so that a fresh token is asked for', () => {
    const params = parseParams('ec_country_deny=DE&ec_expire=999')
    expect(judgeDemands(params, facts(), judging, {})).toMatchObject({ reason: 'expired' })
  })
})
