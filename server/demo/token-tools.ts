import type { IncomingMessage } from 'node:http'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { placeInQuery } from '../../shared/carrier.ts'
import { OptionError, type OptionProblem } from '../../shared/codes.ts'
import { answerError } from '../http/answer-error.ts'
import type { Explanation, KeptMint, Playgate, TokenList } from '../index.ts'
import { answerJson } from './answer-json.ts'
import { type Pasted, readPasted } from './read-pasted.ts'
import {
  type InspectFields,
  inspectSchema,
  type MintFields,
  mintSchema,
  readFields,
  revokeSchema,
} from './token-requests.ts'

/** The rule that takes tokens of every format, and the playlists that links lead to, by the name of their rule. */
export const toolsRule = 'tools'
const toolsSample = '/tools/sample/index.m3u8'
const samples: Readonly<Record<string, string>> = {
  [toolsRule]: toolsSample,
  sample: '/vod/sample/index.m3u8',
}

/** The demo has no country database: this header says where a request is judged to come from, and only these tools are believed. */
export const countryHeader = 'X-Demo-Country'

/** Protects the memory of the demo's server: whoever finds the page may make tokens. */
const mostKept = 50

type Inspected = NonNullable<Awaited<ReturnType<Playgate['tokens']['inspect']>>>

/** What a token says, without what each rule finds: that is told by the explanation. */
type Said = Pick<Inspected, 'format' | 'kind' | 'fields'>

export interface MadeToken extends KeptMint {
  /** Path and query of the sample stream with it; `null`: it holds what would end a query. */
  readonly link: string | null
  readonly said: Said | null
}

export interface TakenApart {
  /** `null`: there is none in the text. */
  readonly token: string | null
  /** `null`: it has the form of none. */
  readonly said: Said | null
  /** Of the request that it is judged with; `null` when there is no telling where the token would stand. */
  readonly url: string | null
  readonly explanation: Explanation | null
}

/** What the page with the token tools asks of its server. The keys stay here. */
export function mountTokenTools(router: Router, gate: Playgate): void {
  const serve = (path: string, perform: (ctx: Context) => Promise<unknown>): void => {
    router.post(`/tokens/${path}`, async (ctx: Context) => {
      try {
        answerJson(ctx, await perform(ctx))
      } catch (error) {
        if (!(error instanceof OptionError)) answerError(ctx, error, null)
        else {
          ctx.status = 422
          answerJson(ctx, { problems: error.problems.map(ofField) })
        }
      }
    })
  }
  serve('mint', async (ctx) => mint(gate, await readFields(ctx, mintSchema)))
  serve('inspect', async (ctx) => takeApart(gate, await readFields(ctx, inspectSchema), ctx.req))
  serve('list', async (): Promise<TokenList> => gate.tokens.list({ limit: mostKept }))
  serve('revoke', async (ctx) => {
    const { id } = await readFields(ctx, revokeSchema)
    return { revoked: await gate.tokens.revoke({ tokens: [id] }) }
  })
}

async function mint(gate: Playgate, fields: MintFields): Promise<MadeToken> {
  if (fields.format === 'managed') {
    const { tokens } = await gate.tokens.list({ limit: mostKept })
    if (tokens.length >= mostKept) {
      throw problem(
        'format',
        `the demo keeps ${mostKept} tokens at most: revoke some of them first`,
      )
    }
  }
  const made = await gate.tokens.mint({ ...fields, rule: toolsRule })
  const { token, parameter } = made
  return {
    ...made,
    link: tryToPlace(toolsSample, parameter, token),
    said: saidBy(await gate.tokens.inspect(token)),
  }
}

/** Reads a token, and has the request judged that would carry it. */
async function takeApart(
  gate: Playgate,
  { text, request }: InspectFields,
  page: IncomingMessage,
): Promise<TakenApart> {
  const pasted = readPasted(text, gate.options)
  const { token } = pasted
  const host = request.host ?? pasted.host ?? page.headers.host ?? 'localhost'
  const { address = page.socket.remoteAddress, country, referrer } = request
  const headers = {
    host,
    // Session tokens are signed with it.
    'user-agent': page.headers['user-agent'] ?? '',
    ...(referrer !== undefined && { referer: referrer }),
    ...(country !== undefined && { [countryHeader]: country.toUpperCase() }),
  }
  const inspected =
    token === null ? null : await gate.tokens.inspect(token, { headers, clientAddress: address })
  const link = linkFor(gate, pasted, inspected, request.path)
  const url = link === null ? null : `${request.scheme ?? pasted.scheme ?? 'http'}://${host}${link}`
  const explanation =
    url === null
      ? null
      : await gate.explain({
          url,
          headers,
          clientAddress: address,
          viaTrustedProxy: country !== undefined,
        })
  return { token, said: saidBy(inspected), url, explanation }
}

/** Where the token stands, or would stand. */
function linkFor(
  gate: Playgate,
  { token, name: given, target }: Pasted,
  inspected: Inspected | null,
  path: string | undefined,
): string | null {
  if (target !== null && path === undefined) return target
  if (token === null) return path ?? null
  const rule = inspected?.verdicts.find(({ valid }) => valid)?.rule ?? toolsRule
  const name = given ?? (inspected && nameOf(gate, rule, inspected))
  if (name === null) return null
  const link = tryToPlace(path ?? samples[rule] ?? toolsSample, name, token)
  if (link === null) throw problem('text', 'holds & or #, and cannot stand in the query of a URL')
  return link
}

/** The name under which a rule looks for such a token. */
function nameOf({ options }: Playgate, name: string, { format, kind }: Inspected): string | null {
  const rule = options.rules.find((candidate) => candidate.name === name)
  if (kind === 'session') return rule?.session?.parameter ?? null
  return rule?.access.find((access) => access.format === format)?.parameter ?? null
}

function tryToPlace(path: string, name: string, token: string): string | null {
  try {
    return placeInQuery(path, name, token)
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

function saidBy(inspected: Inspected | null): Said | null {
  if (inspected === null) return null
  const { format, kind, fields } = inspected
  return { format, kind, fields }
}

/** Formats have their own names for what the fields of the page say. */
const fieldNames: Readonly<Record<string, string>> = {
  sessionId: 'subject',
  endTime: 'ttlSeconds',
  lifeSeconds: 'ttlSeconds',
  ec_expire: 'ttlSeconds',
  ec_url_allow: 'path',
  ec_clientip: 'ip',
  clientIp: 'ip',
}

function ofField({ path, message }: OptionProblem): OptionProblem {
  const name = path.replace(/^params\./, '')
  return { path: fieldNames[name] ?? name, message }
}

function problem(path: string, message: string): OptionError {
  return new OptionError([{ path, message }])
}
