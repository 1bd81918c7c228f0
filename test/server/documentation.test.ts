import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ExplainRequest, MintAccessOptions } from '../../server/index.ts'
import { startGate, testKey } from '../stage/start-gate.ts'

const page = readFileSync(join(import.meta.dirname, '../../shared/docs/running.md'), 'utf8')

/** The cells of the row that begins with that text. */
function rowOf(start: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| \`${start}`))
  return (row ?? '').split(' | ').map((cell) => cell.replaceAll('|', '').trim())
}

describe('running.md', () => {
  it('tells of all that a gate has', async () => {
    const { gate } = await startGate()
    const untold = Object.keys(gate).filter((name) => rowOf(`gate.${name}`)[1] === undefined)
    expect(untold).toEqual([])
  })

  it('tells of all that explain takes', () => {
    const members: Record<keyof ExplainRequest, true> = {
      ...{ url: true, method: true, headers: true, clientAddress: true },
      ...{ viaTrustedProxy: true, now: true, sharesStore: true },
    }
    const [call] = rowOf('gate.explain')
    const named = [...(call ?? '').matchAll(/[{,] (\w+)/g)].map(([, name]) => name)
    expect(named.sort()).toEqual(Object.keys(members).sort())
  })

  const formats = ['edgeauth', 'ectoken', 'timed', 'managed'] as const
  const samples: Required<Omit<MintAccessOptions, 'format'>> = {
    ...{ rule: 'film', path: '/vod/film/*', ttlSeconds: 60, subject: 'u7', ip: '192.0.2.7' },
    ...{ payload: 'p', referrer: 'example.com', params: { ec_country_allow: 'CH' } },
  }
  it.each(Object.entries(samples))('tells which formats take %s', async (name, value) => {
    const primary = 'a pass phrase that nobody guesses, 7 times over'
    const stage = await startGate({
      rule: {
        access: [
          { format: 'edgeauth', key: 'vod' },
          { format: 'ectoken', key: 'portal' },
          { format: 'timed', revocable: true, realm: 'previews' },
          { format: 'managed' },
        ],
      },
      configuration: { keys: { vod: { primary: testKey }, portal: { primary } } },
    })
    const [, ...told] = rowOf(name)
    expect(told).toHaveLength(formats.length)
    for (const [index, format] of formats.entries()) {
      const life = format === 'managed' ? {} : { ttlSeconds: 60 }
      const made = stage.gate.tokens.mint({ format, ...life, [name]: value }).then(
        () => true,
        () => false,
      )
      expect([format, await made]).toEqual([format, !told[index]?.startsWith('–')])
    }
  })
})
