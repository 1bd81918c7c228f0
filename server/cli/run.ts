import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { OptionError } from '../../shared/codes.ts'
import { type AccessOptions, accessFormats } from '../options/options.ts'
import { StoreUnavailable } from '../store/store.ts'
import { type CommandName, commands, helpText } from './commands.ts'
import { configCheck } from './config-check.ts'
import { openToAsk } from './configuration-file.ts'
import { explainRequest } from './explain.ts'
import { keyNew } from './key-new.ts'
import { loadConfiguration } from './load-configuration.ts'
import { type ExitStatus, type Terminal, UsageError } from './output.ts'
import { serve } from './serve.ts'
import { tokenInspect } from './token-inspect.ts'
import { tokenMint } from './token-mint.ts'

/** From the package's own description, which stands above `dist/` and above the sources alike. */
function packageVersion(): string {
  const require = createRequire(import.meta.url)
  return String(require('playgate/package.json').version)
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

/**
 * Runs one command.
 *
 * @param args without the interpreter and the script
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  try {
    if (args.length === 1 && args[0] === '--version') {
      terminal.out(packageVersion())
      return 0
    }
    const name = commandNamed(args)
    if (name === null || args.includes('--help') || args.includes('-h')) {
      const asked =
        args.length === 0 || args.some((arg) => arg === '--help' || arg === '-h' || arg === 'help')
      if (!asked) throw new UsageError(`no such command: ${args.join(' ')}`)
      for (const line of helpText(name ?? undefined)) terminal.out(line)
      return 0
    }
    return await dispatch(name, args.slice(commands[name].words.length), terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`playgate: ${error.message}`)
      terminal.err("Try 'playgate --help'.")
      return 2
    }
    if (error instanceof OptionError) {
      if (args.includes('--json')) terminal.out(JSON.stringify({ problems: error.problems }))
      terminal.err(error.message)
      return 2
    }
    if (error instanceof StoreUnavailable) {
      terminal.err(`playgate: the store does not answer: ${error.message}`)
      return 1
    }
    throw error
  }
}

function commandNamed(args: readonly string[]): CommandName | null {
  const names = Object.keys(commands) as CommandName[]
  return (
    names.find((name) => commands[name].words.every((word, index) => args[index] === word)) ?? null
  )
}

async function dispatch(
  name: CommandName,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitStatus> {
  const { values, operand } = parse(name, args)
  const json = values.json === true
  switch (name) {
    case 'serve':
      return serve(
        {
          config: text(values, 'config'),
          origin: text(values, 'origin'),
          host: text(values, 'host'),
          port: number(values, 'port'),
          logLevel: text(values, 'log-level') ?? 'info',
        },
        terminal,
      )
    case 'tokenMint': {
      const wanted = {
        path: texts(values, 'path'),
        ttlSeconds: number(values, 'ttl'),
        subject: text(values, 'subject'),
        ip: text(values, 'ip'),
        referrer: text(values, 'referrer'),
        payload: text(values, 'payload'),
        params: parameters(values),
        format: format(values),
        rule: text(values, 'rule'),
      }
      return await tokenMint(needed(values, 'config'), wanted, { json }, terminal)
    }
    case 'tokenInspect': {
      const headers = headerFields(values)
      const [config, path, ip] = [text(values, 'config'), text(values, 'path'), text(values, 'ip')]
      return await tokenInspect(operand, { config, path, ip, headers, json }, terminal)
    }
    case 'explain': {
      const gate = openToAsk(loadConfiguration(needed(values, 'config')), terminal)
      try {
        await gate.ready()
        const request = {
          url: operand,
          method: text(values, 'method'),
          headers: headerFields(values),
          clientAddress: text(values, 'ip'),
          now: number(values, 'at'),
          viaTrustedProxy: values['via-proxy'] === true,
        }
        return await explainRequest(gate, request, { json }, terminal)
      } finally {
        await gate.close()
      }
    }
    case 'keyNew':
      terminal.out(keyNew())
      return 0
    case 'configCheck':
      return configCheck(operand, { json }, terminal)
  }
}

function parse(name: CommandName, args: readonly string[]): { values: Values; operand: string } {
  const { options, operand: wanted } = commands[name]
  try {
    const [token, ...others] = wanted === 'TOKEN' ? dashedTokenFirst(args) : [undefined, ...args]
    const { values, positionals } = parseArgs({ args: others, options, allowPositionals: true })
    if (token !== undefined) positionals.unshift(token)
    const [operand = '', ...more] = positionals
    if (wanted !== null && operand === '') throw new UsageError(`${wanted} is missing`)
    if (more.length > 0 || (wanted === null && operand !== '')) {
      throw new UsageError(`one word too many: ${more[0] ?? operand}`)
    }
    return { values: values as Values, operand }
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message.split('. ')[0] ?? '')
    throw error
  }
}

/** One base64url text in 64 begins with `-`, as options do; none of those is so long. */
function dashedTokenFirst(args: readonly string[]): [string | undefined, ...string[]] {
  const end = args.indexOf('--')
  const at = args.findIndex((arg) => /^-[\w-]{30,}=?$/.test(arg))
  if (at < 0 || (end >= 0 && end < at)) return [undefined, ...args]
  return [args[at], ...args.slice(0, at), ...args.slice(at + 1)]
}

function text(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

function texts(values: Values, name: string): string[] | undefined {
  const value = values[name]
  return Array.isArray(value) ? value.map(String) : undefined
}

function needed(values: Values, name: string): string {
  const value = text(values, name)
  if (value === undefined) throw new UsageError(`--${name} is missing`)
  return value
}

function number(values: Values, name: string): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new UsageError(`--${name} is not a whole number: ${value}`)
  return Number(value)
}

function format(values: Values): AccessOptions['format'] | undefined {
  const named = text(values, 'format')
  if (named === undefined) return undefined
  const found = accessFormats.find((known) => known === named)
  if (found === undefined) {
    throw new UsageError(`--format is one of ${accessFormats.join(', ')}: ${named}`)
  }
  return found
}

function parameters(values: Values): Record<string, string[]> | undefined {
  const given = texts(values, 'param')
  if (given === undefined) return undefined
  const lists = new Map<string, string[]>()
  for (const pair of given) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new UsageError(`--param is not NAME=VALUE: ${pair}`)
    const name = pair.slice(0, equals)
    if (lists.has(name)) {
      throw new UsageError(`--param ${name} is there twice: give all of it at once, ${name}=A,B`)
    }
    lists.set(name, pair.slice(equals + 1).split(','))
  }
  return Object.fromEntries(lists)
}

/** A request has one of each at most: RFC 9112 section 3.2 for Host, RFC 9110 section 11.6.2 for Authorization. */
const single: readonly string[] = ['host', 'authorization']

/** Every value of each field, in order: what is sent several times counts several times. */
function headerFields(values: Values): Record<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const field of texts(values, 'header') ?? []) {
    const match = /^([^\s:]+):\s*(.*)$/.exec(field)
    if (match?.[1] === undefined) throw new UsageError(`not a header field 'Name: value': ${field}`)
    const name = match[1].toLowerCase()
    const earlier = fields.get(name) ?? []
    if (earlier.length > 0 && single.includes(name)) {
      throw new UsageError(`--header ${match[1]} is there twice: a request has one`)
    }
    fields.set(name, [...earlier, match[2] ?? ''])
  }
  return Object.fromEntries(fields)
}
