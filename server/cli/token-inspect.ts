import { bareTokensIn, isBareTokenText } from '../../shared/bare-token.ts'
import { targetQuery } from '../../shared/query.ts'
import type { TokenFields } from '../../shared/token-text.ts'
import type { AskedHeaders } from '../session/asked-facts.ts'
import { type InspectedToken, inspectFacts, inspectToken } from '../session/inspect-token.ts'
import { openToAsk } from './configuration-file.ts'
import { loadConfiguration } from './load-configuration.ts'
import { namedByFlags } from './named-by-flags.ts'
import { describeTime, type ExitStatus, type Terminal } from './output.ts'

export interface InspectOptions {
  readonly config: string | undefined
  readonly path: string | undefined
  readonly ip: string | undefined
  readonly headers: AskedHeaders
  readonly json: boolean
}

/** `playgate token inspect TOKEN`: what it says, whether it verifies, and why not. */
export async function tokenInspect(
  given: string,
  { config, path, ip, headers, json }: InspectOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const token = bareToken(given)
  const loaded = config === undefined ? null : loadConfiguration(config)
  const gate = loaded === null ? null : openToAsk(loaded, terminal)
  try {
    const asked = {
      path: path?.split('?', 1)[0] ?? null,
      query: targetQuery(path ?? ''),
      headers,
      clientAddress: ip,
    }
    const inspected = await namedByFlags(() =>
      gate === null
        ? inspectToken(token, null, inspectFacts(asked, terminal.now()))
        : gate.tokens.inspect(token, asked),
    )
    return report(inspected, gate !== null, json, terminal)
  } finally {
    await gate?.close()
  }
}

function report(
  inspected: InspectedToken | null,
  isJudged: boolean,
  json: boolean,
  terminal: Terminal,
): ExitStatus {
  if (inspected === null) {
    if (json) terminal.out(JSON.stringify({ valid: false, reason: 'malformed' }))
    else terminal.out('not a token of a known format')
    return 1
  }
  const valid = inspected.verdicts.some((verdict) => verdict.valid)
  if (json) terminal.out(JSON.stringify({ ...(isJudged && { valid }), ...inspected }))
  else for (const line of describe(inspected, terminal.now())) terminal.out(line)
  return !isJudged || valid ? 0 : 1
}

/** A whole URL, `?hdnts=…`, `token=…` or a bare `?…`, as they are copied, are understood as well; so is `?…=`, as the gate takes it. */
function bareToken(text: string): string {
  const edgeauth =
    /(?:^|[?&/])[A-Za-z_]\w*=((?:ip|st|exp)(?:=|%3[Dd])[^&#]*?hmac(?:=|%3[Dd])[0-9A-Fa-f]*)/.exec(
      text,
    )?.[1]
  const query = /^[^#?]*\?([^#]*)/.exec(text)?.[1] ?? text
  const values = query
    .split('&')
    .map((part) => bareTokensIn(part)[0] ?? part.replace(/^[A-Za-z_]\w*=/, ''))
  return edgeauth ?? values.find(isBareTokenText) ?? text
}

const formatNames = {
  edgeauth: 'EdgeAuth 2.0',
  ectoken: 'ectoken v3',
  timed: 'timed',
  managed: 'managed',
} as const

function describe({ format, kind, fields, verdicts }: InspectedToken, now: number): string[] {
  const lines = [`${kind} token, ${formatNames[format]}`]
  if (fields === null)
    lines.push('  opaque: only the key or the store that it was made with tells what it says')
  else if (format === 'edgeauth')
    lines.push(...describeEdgeauth(fields as unknown as TokenFields, now))
  else lines.push(...describeFields(fields, now))
  if (verdicts.length === 0) lines.push('  not verified: give --config')
  for (const { rule, valid, reason, detail } of verdicts) {
    lines.push(valid ? `ok  ${rule}: ${detail}` : `NO  ${rule}: ${reason} (${detail})`)
  }
  return lines
}

function describeEdgeauth(fields: TokenFields, now: number): string[] {
  const lines: string[] = []
  if (fields.ip !== undefined) lines.push(`  address   ${fields.ip}`)
  if (fields.st !== undefined) lines.push(`  starts    ${describeTime(fields.st, now)}`)
  lines.push(`  ends      ${describeTime(fields.exp, now)}`)
  lines.push(`  opens     ${fields.acl ?? 'the one URL it was made for'}`)
  if (fields.id !== undefined) lines.push(`  id        ${fields.id}`)
  if (fields.data !== undefined) lines.push(`  data      ${fields.data}`)
  return lines
}

/** Times of the formats are in seconds, those of the store in milliseconds. */
const secondsFields = new Set(['ec_expire', 'createdAt', 'endTime'])
const millisecondsFields = new Set(['createdAtMs', 'endsAtMs', 'usedAtMs'])

function describeFields(fields: Readonly<Record<string, unknown>>, now: number): string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      let shown = String(value)
      if (secondsFields.has(name)) shown = describeTime(Number(value), now)
      if (millisecondsFields.has(name)) shown = describeTime(Math.floor(Number(value) / 1000), now)
      return `  ${name.padEnd(18)}${shown}`
    })
}
