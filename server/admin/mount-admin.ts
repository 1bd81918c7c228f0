import type { Context, Middleware } from 'koa'
import { answerProblem } from '../http/answer-error.ts'
import type { Gate } from '../http/gate.ts'
import { readRequest } from '../http/read-request.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { bringsToken } from './brings-token.ts'
import { matchPath } from './match-path.ts'
import { adminPath } from './openapi.ts'
import type { Operation } from './operation.ts'
import { operations } from './operations.ts'
import { answerPageFile, type PageFile, readPageFiles } from './page-files.ts'

/**
 * The admin API and its page, below `/_playgate/admin`. Where the configuration has no `admin`, nothing of it is there. All but
 * the page's own files asks for the admin token first.
 */
export function mountAdmin(gate: () => Gate): Middleware {
  let files: ReadonlyMap<string, PageFile> | null = null
  const page = (): ReadonlyMap<string, PageFile> => {
    files ??= readPageFiles()
    return files
  }
  // What is not installed right is found at the start; where nobody is an admin, nothing is needed.
  if (gate().options.admin !== null) page()

  return async (ctx: Context, next) => {
    const current = gate()
    const { admin, trustedProxies } = current.options
    if (admin === null || !isBelow(ctx.req.url ?? '')) return next()
    keepToItself(ctx)
    const facts = readRequest(ctx.req, {
      trustedProxies,
      pathParameters: [],
      allowSemicolon: false,
    })
    const path = facts.path.slice(adminPath.length)
    const isReading = facts.method === 'GET' || facts.method === 'HEAD'
    if (path === '' && isReading) return redirect(ctx)
    const file = page().get(path)
    if (file !== undefined && isReading) return answerPageFile(ctx, file)
    if (!bringsToken(facts, admin)) return refuse(ctx, current, facts)
    if (path === '' || file !== undefined) return answerMethod(ctx, ['GET'])
    await current.during(() => perform(ctx, current, facts, path))
  }
}

interface Found {
  readonly operation: Operation
  readonly segments: Readonly<Record<string, string>>
}

async function perform(ctx: Context, gate: Gate, facts: RequestFacts, path: string): Promise<void> {
  const found = operationsAt(path)
  if (found.length === 0) return answerProblem(ctx, 404)
  const method = facts.method === 'HEAD' ? 'GET' : facts.method
  const asked = found.find(({ operation }) => operation.method === method)
  if (asked === undefined) {
    return answerMethod(
      ctx,
      found.map(({ operation }) => operation.method),
    )
  }
  await gate.sessions.loading
  await asked.operation.answer(ctx, gate, facts, asked.segments)
}

/** A path that stands there as it is wins over one with a parameter (OpenAPI 3.1, Paths Object). */
function operationsAt(path: string): readonly Found[] {
  const exact = operations.filter((operation) => operation.path === path)
  if (exact.length > 0) return exact.map((operation) => ({ operation, segments: {} }))
  return operations.flatMap((operation) => {
    const segments = matchPath(operation.path, path)
    return segments === null ? [] : [{ operation, segments }]
  })
}

function isBelow(target: string): boolean {
  return target.startsWith(adminPath) && /^(?:[/?]|$)/.test(target.slice(adminPath.length))
}

/** Nobody frames it, and no page of another origin loads it. Its own files have a policy of their own. */
function keepToItself(ctx: Context): void {
  ctx.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  ctx.set('Cross-Origin-Resource-Policy', 'same-origin')
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin')
}

/** Relative, so that it leads to the page below whatever a proxy in front puts before our paths. */
function redirect(ctx: Context): void {
  ctx.status = 308
  ctx.set('Location', 'admin/')
  ctx.set('Cache-Control', 'no-store')
  ctx.body = ''
}

function refuse(ctx: Context, gate: Gate, { method, clientAddress: client }: RequestFacts): void {
  answerProblem(ctx, 401, { detail: 'Authorization: Bearer TOKEN, with admin.token' })
  gate.log.warn(
    { event: 'admin', outcome: 'refused', method, client },
    'no admin token, or a wrong one',
  )
}

function answerMethod(ctx: Context, methods: readonly string[]): void {
  answerProblem(ctx, 405)
  ctx.set(
    'Allow',
    [...new Set(methods)].flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', '),
  )
}
