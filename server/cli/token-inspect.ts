import { epochSecondsFromMilliseconds } from '../../shared/units.ts'
import { type InspectedToken, inspectToken } from '../session/inspect-token.ts'
import { judgeFile } from './configuration-file.ts'
import { loadConfiguration } from './load-configuration.ts'
import { describeTime, type ExitStatus, type Terminal } from './output.ts'

export interface InspectOptions {
  readonly config: string | undefined
  readonly path: string | undefined
  readonly ip: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly json: boolean
}

/** `playgate token inspect TOKEN`: what it says, whether it verifies, and why not. */
export function tokenInspect(
  token: string,
  { config, path, ip, headers, json }: InspectOptions,
  terminal: Terminal,
): ExitStatus {
  const options = config === undefined ? null : judgeFile(loadConfiguration(config))
  const mark = path?.indexOf('?') ?? -1
  const inspected = inspectToken(bareToken(token), options, {
    path: path === undefined ? null : mark < 0 ? path : path.slice(0, mark),
    query: path === undefined || mark < 0 ? '' : path.slice(mark + 1),
    headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]])),
    host: headers.host ?? 'localhost',
    clientAddress: ip,
    now: epochSecondsFromMilliseconds(terminal.now()),
  })
  if (inspected === null) {
    if (json) terminal.out(JSON.stringify({ valid: false, reason: 'malformed' }))
    else terminal.out('not a token of a known format')
    return 1
  }
  const valid = inspected.verdicts.some((verdict) => verdict.valid)
  if (json) terminal.out(JSON.stringify({ ...(options && { valid }), ...inspected }))
  else for (const line of describe(inspected, terminal.now())) terminal.out(line)
  return options === null || valid ? 0 : 1
}

/** A whole URL, `?hdnts=…` or `hdnts=…`, as they are copied, are understood as well. */
function bareToken(text: string): string {
  const match =
    /(?:^|[?&/])[A-Za-z_]\w*=((?:ip|st|exp)(?:=|%3[Dd])[^&#]*?hmac(?:=|%3[Dd])[0-9A-Fa-f]*)/.exec(
      text,
    )
  return match?.[1] ?? text
}

function describe({ kind, fields, verdicts }: InspectedToken, now: number): string[] {
  const lines = [`${kind} token, EdgeAuth 2.0`]
  if (fields.ip !== undefined) lines.push(`  address   ${fields.ip}`)
  if (fields.st !== undefined) lines.push(`  starts    ${describeTime(fields.st, now)}`)
  lines.push(`  ends      ${describeTime(fields.exp, now)}`)
  lines.push(`  opens     ${fields.acl ?? 'the one URL it was made for'}`)
  if (fields.id !== undefined) lines.push(`  id        ${fields.id}`)
  if (fields.data !== undefined) lines.push(`  data      ${fields.data}`)
  if (verdicts.length === 0) lines.push('  not verified: give --config')
  for (const { rule, valid, reason, detail } of verdicts) {
    lines.push(valid ? `ok  ${rule}: ${detail}` : `NO  ${rule}: ${reason} (${detail})`)
  }
  return lines
}
