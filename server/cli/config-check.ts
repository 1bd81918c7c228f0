import { OptionError } from '../../shared/codes.ts'
import { judgeFile } from './configuration-file.ts'
import { loadConfiguration } from './load-configuration.ts'
import type { ExitStatus, Terminal } from './output.ts'

/** `playgate config check FILE`: names the option path of each mistake. */
export function configCheck(
  file: string,
  { json }: { json: boolean },
  terminal: Terminal,
): ExitStatus {
  try {
    const options = judgeFile(loadConfiguration(file))
    const rules = options.rules.map(({ name }) => name)
    if (json) terminal.out(JSON.stringify({ valid: true, rules }))
    else
      terminal.err(
        `${file} is good: ${rules.length} rule${rules.length === 1 ? '' : 's'} (${rules.join(', ')})`,
      )
    return 0
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    if (json) terminal.out(JSON.stringify({ valid: false, problems: error.problems }))
    else terminal.err(error.message)
    return 1
  }
}
