import type { ParseArgsConfig } from 'node:util'

type OptionSpecs = NonNullable<ParseArgsConfig['options']>

export interface Command {
  /** Words that call it. */
  readonly words: readonly string[]
  /** What stands after the words, for the help: `TOKEN`. */
  readonly operand: string | null
  readonly summary: string
  readonly options: OptionSpecs
  /** One line for each option, in the help. */
  readonly help: readonly (readonly [option: string, text: string])[]
}

const config = ['--config FILE', 'configuration, YAML or JSON'] as const
const json = ['--json', 'machine-readable output on stdout'] as const
const header = [
  "-H, --header 'NAME: VALUE'",
  'a request header; repeat it for each line that is sent',
] as const
const address = ['--ip ADDRESS', "the client's address"] as const
const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const headerSpec = { type: 'string', short: 'H', multiple: true } as const

/** Every command of `playgate` (design section 2). */
export const commands = {
  serve: {
    words: ['serve'],
    operand: null,
    summary: 'run the manifest server',
    options: { config: text, origin: text, host: text, port: text, 'log-level': text },
    help: [
      config,
      ['--origin DIR|URL', 'no configuration: a fresh key, and a playable URL is printed'],
      ['--host HOST, --port PORT', 'where to listen instead (127.0.0.1, 8080)'],
      ['--log-level LEVEL', 'trace, debug, info, warn, error, silent (info)'],
    ],
  },
  tokenMint: {
    words: ['token', 'mint'],
    operand: null,
    summary: 'mint an access token',
    options: {
      config: text,
      path: { type: 'string', multiple: true },
      ttl: text,
      subject: text,
      ip: text,
      referrer: text,
      payload: text,
      param: { type: 'string', multiple: true },
      format: text,
      rule: text,
      json: flag,
    },
    help: [
      config,
      ['--format FORMAT', 'edgeauth, ectoken, timed or managed (the first that the rule takes)'],
      ['--path ACL', "what it opens, such as '/vod/film/*'; may be repeated (all of the rule)"],
      ['--ttl SECONDS', 'how long it is good (300; managed tokens have no end)'],
      ['--subject USER', 'who it is for'],
      ['--ip ADDRESS', 'who may use it: an address; a block or 211.37. too, but for edgeauth'],
      ['--referrer DOMAIN', 'whose pages may use it (timed, managed)'],
      ['--payload TEXT', 'carried along (edgeauth)'],
      [
        '--param NAME=VALUE',
        'ec_country_allow=US,CA and the like (ectoken); repeat it for other names',
      ],
      ['--rule NAME', 'the rule it is for (the first that takes in the path)'],
      json,
    ],
  },
  tokenInspect: {
    words: ['token', 'inspect'],
    operand: 'TOKEN',
    summary: 'take a token apart, and say whether it verifies and why not',
    options: { config: text, path: text, ip: text, header: headerSpec, json: flag },
    help: [config, ['--path PATH', 'judge its ACL or URL by this path too'], address, header, json],
  },
  explain: {
    words: ['explain'],
    operand: 'URL',
    summary: 'which rule a request meets, each check, and the answer',
    options: {
      config: text,
      header: headerSpec,
      ip: text,
      at: text,
      method: text,
      'via-proxy': flag,
      json: flag,
    },
    help: [
      config,
      header,
      address,
      ['--at SECONDS', 'the time, since 1970 (now)'],
      ['--via-proxy', 'a trusted proxy brought it: its country header is believed'],
      json,
    ],
  },
  keyNew: {
    words: ['key', 'new'],
    operand: null,
    summary: 'print a fresh random key in hexadecimal',
    options: {},
    help: [],
  },
  configCheck: {
    words: ['config', 'check'],
    operand: 'FILE',
    summary: 'name the option path of each mistake',
    options: { json: flag },
    help: [json],
  },
} as const satisfies Record<string, Command>

export type CommandName = keyof typeof commands

/** The help for all commands, or for one. */
export function helpText(only?: CommandName): string[] {
  const chosen = Object.entries(commands).filter(([name]) => only === undefined || name === only)
  const lines = ['playgate: playback sessions in front of any HLS origin', '']
  for (const [, { words, operand, summary, help }] of chosen) {
    lines.push(`  playgate ${[...words, ...(operand === null ? [] : [operand])].join(' ')}`)
    lines.push(`      ${summary}`)
    for (const [option, meaning] of help) lines.push(`      ${option.padEnd(28)} ${meaning}`)
    lines.push('')
  }
  lines.push('Exit status: 0 done, 1 the answer is no, 2 wrong usage.')
  return lines
}
