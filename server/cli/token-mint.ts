import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { type MintAccessOptions, mintAccess } from '../session/mint-access.ts'
import { judgeFile } from './configuration-file.ts'
import { loadConfiguration } from './load-configuration.ts'
import { describeTime, type ExitStatus, type Terminal } from './output.ts'

/** `playgate token mint`: the token alone on stdout, what it is for on stderr. */
export function tokenMint(
  config: string,
  wanted: MintAccessOptions,
  { json }: { json: boolean },
  terminal: Terminal,
): ExitStatus {
  const options = judgeFile(loadConfiguration(config))
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
