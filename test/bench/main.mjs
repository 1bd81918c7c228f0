/**
 * Playgate's benchmarks on the built files (`npm run build`), each a ratio against a peer or a limit in the
 * same run. Absolute figures are of this machine and of this hour.
 *
 *     npm run bench                  everything, about a minute
 *     npm run bench -- --quick       fewer and shorter rounds, about ten seconds; expectations are looser
 *     npm run bench -- --json        the same as JSON
 *     npm run bench -- token         one of token, playlist, loopback
 *
 * Exit status: 0 when every expectation is met, 1 when one is not, 2 for wrong usage.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatExpectations, formatTable } from './report.mjs'

const benchmarks = {
  token: async (effort) => [await (await import('./token-bench.mjs')).benchTokens(effort)],
  playlist: async (effort) => (await import('./playlist-bench.mjs')).benchPlaylists(effort),
  loopback: async (effort) => (await import('./loopback-bench.mjs')).benchLoopback(effort),
}
const full = { rounds: 9, sampleMs: 40, warmUpRequests: 4000, loadRequests: 1500, slack: 1 }
const quick = { rounds: 5, sampleMs: 15, warmUpRequests: 2500, loadRequests: 200, slack: 2.5 }

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
    })
    const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name))
    if (unknown !== undefined) throw new Error(`no benchmark ${unknown}`)
    return { ...values, names: positionals.length > 0 ? positionals : Object.keys(benchmarks) }
  } catch (error) {
    process.stderr.write(`${error.message}\nusage: npm run bench -- [--quick] [--json] [NAME...]\n`)
    process.exit(2)
  }
}

const wanted = readArguments()
if (!existsSync(join(import.meta.dirname, '../../dist/server/index.js'))) {
  process.stderr.write('nothing to measure yet: npm run build\n')
  process.exit(2)
}
const tables = []
for (const name of wanted.names) {
  for (const table of await benchmarks[name](wanted.quick ? quick : full)) {
    tables.push(table)
    if (!wanted.json) process.stdout.write(`${formatTable(table)}\n`)
  }
}
if (wanted.json) process.stdout.write(`${JSON.stringify({ node: process.version, tables })}\n`)
else process.stdout.write(tables.map(formatExpectations).join(''))
const met = tables.every(({ expectations }) => expectations.every(({ ok }) => ok))
process.exitCode = met ? 0 : 1
