import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { judgeOptions } from '../options/judge-options.ts'
import { systemSources } from '../options/system-sources.ts'
import { type MintAccessOptions, mintAccess } from '../session/mint-access.ts'
import { loadConfiguration } from './load-configuration.ts'
import { describeTime, type ExitStatus, type Terminal } from './output.ts'

/** `playgate token mint`: the token alone on stdout, what it is for on stderr. */
export function tokenMint(
  config: string,
  wanted: MintAccessOptions,
  { json }: { json: boolean },
  terminal: Terminal,
): ExitStatus {
  const { raw, baseDirectory } = loadConfiguration(config)
  const options = judgeOptions(raw, { ...systemSources(), baseDirectory })
  const minted = mintAccess(options, wanted, epochSecondsFromMilliseconds(terminal.now()))
  if (json) {
    terminal.out(JSON.stringify(minted))
  } else {
    terminal.out(minted.token)
    terminal.err(
      `for rule ${minted.rule}, as ?${minted.parameter}=…, ends ${describeTime(minted.expiresAt, terminal.now())}`,
    )
  }
  return 0
}
