import type { MintAccessOptions } from '../index.ts'
import { isKeptAccess } from '../options/judge-access.ts'
import { findTarget } from '../session/mint-access.ts'
import { parseStoreLocation } from '../store/location.ts'
import { judgeFile, openToKeep } from './configuration-file.ts'
import { loadConfiguration } from './load-configuration.ts'
import { namedByFlags } from './named-by-flags.ts'
import { describeTime, type ExitStatus, type Terminal, UsageError } from './output.ts'

const defaultTtlSeconds = 300

/** `playgate token mint`: the token alone on stdout, what it is for on stderr. */
export async function tokenMint(
  config: string,
  given: MintAccessOptions,
  { json }: { json: boolean },
  terminal: Terminal,
): Promise<ExitStatus> {
  const loaded = loadConfiguration(config)
  const options = judgeFile(loaded)
  const { access } = await namedByFlags(() => findTarget(options, given))
  const isKept = isKeptAccess(access)
  if (isKept && parseStoreLocation(options.store, loaded.baseDirectory).kind === 'memory') {
    throw new UsageError(
      `${access.format} tokens are kept in the store, and that is the memory of another process: make them with the admin API`,
    )
  }
  const ttlSeconds = access.format === 'managed' ? undefined : defaultTtlSeconds
  const wanted = { ...given, ttlSeconds: given.ttlSeconds ?? ttlSeconds }
  const gate = openToKeep(loaded, terminal, isKept)
  try {
    const minted = await namedByFlags(() => gate.tokens.mint(wanted))
    if (json) {
      terminal.out(JSON.stringify(minted))
      return 0
    }
    terminal.out(minted.token)
    const { rule, parameter, expiresAt, id } = minted
    const ends = expiresAt === null ? 'no end' : `ends ${describeTime(expiresAt, terminal.now())}`
    const where = parameter === '' ? '?…' : `?${parameter}=…`
    const named = id === null ? '' : `, id ${id}`
    terminal.err(`for rule ${rule}, as ${where}, ${ends}${named}`)
    return 0
  } finally {
    await gate.close()
  }
}
