import type { Context } from 'koa'
import { z } from 'zod'
import { answerProblem } from '../http/answer-error.ts'
import type { Gate } from '../http/gate.ts'
import { badRequest, readJsonBody } from '../http/read-json.ts'
import { answerJson } from '../http/routes.ts'
import type { RequestFacts } from '../session/request-facts.ts'
import { readQuery } from './read-query.ts'

/** What an operation is asked with, judged by its schemas. */
export interface Asked<Path, Query, Body> {
  readonly gate: Gate
  readonly path: Path
  readonly query: Query
  readonly body: Body
}

/** What the log says of a change. Never a token. */
type Note = Readonly<Record<string, string | number | boolean | undefined>>

export interface Definition<
  Path extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/_playgate/admin`, as OpenAPI writes it: `/sessions/{sessionId}`. */
  readonly path: string
  /** Its name in the document and in the log. */
  readonly id: string
  readonly tag: 'Sessions' | 'Tokens' | 'Server'
  readonly summary: string
  readonly description?: string
  readonly pathSchema?: Path
  readonly querySchema?: Query
  /** Bodies and answers have a name in `namedSchemas`. */
  readonly bodySchema?: Body
  readonly answerSchema: Answer
  readonly status: 200 | 201
  /** What can go wrong beyond what can with every operation. */
  readonly problems: readonly (404 | 503)[]
  readonly examples: { readonly body?: z.input<Body>; readonly answer?: z.output<Answer> }
  /** Of an operation that changes something: what the log says of it, whether it then succeeds or not. */
  note?(asked: Asked<z.output<Path>, z.output<Query>, z.output<Body>>): Note
  /**
   * @returns `null`: there is no such thing
   * @throws {PlaybackError} what is wrong with the request; `ERR_STORE_UNAVAILABLE`
   */
  perform(
    asked: Asked<z.output<Path>, z.output<Query>, z.output<Body>>,
  ): Shown<z.output<Answer>> | null | Promise<Shown<z.output<Answer>> | null>
}

/** An answer is only written out: what it is made from may be read-only. */
type Shown<Value> = Value extends object
  ? { readonly [Key in keyof Value]: Shown<Value[Key]> }
  : Value

/** An operation of the admin API: what the OpenAPI document says of it, and how it is answered. */
export interface Operation
  extends Omit<
    Definition<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>,
    'note' | 'perform' | 'pathSchema' | 'querySchema'
  > {
  readonly pathSchema: z.ZodObject
  readonly querySchema: z.ZodObject
  /**
   * @param segments of the path, by the names that they have in it
   * @throws {PlaybackError} what is wrong with the request; `ERR_STORE_UNAVAILABLE`
   */
  answer(
    ctx: Context,
    gate: Gate,
    facts: RequestFacts,
    segments: Readonly<Record<string, string>>,
  ): Promise<void>
}

const nothing = z.strictObject({})

/** Puts the judging of what was asked, and the logging of what is changed, around what an operation does. */
export function operation<
  Path extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
>(definition: Definition<Path, Query, Body, Answer>): Operation {
  const { note, perform, ...facts } = definition
  const { id, status, bodySchema } = definition
  const pathSchema = definition.pathSchema ?? nothing
  const querySchema = definition.querySchema ?? nothing
  return {
    ...facts,
    pathSchema,
    querySchema,
    async answer(ctx, gate, { target, clientAddress: client }, segments) {
      const path = pathSchema.safeParse(segments)
      if (!path.success) throw badRequest(`path: ${path.error.issues[0]?.message}`)
      const query = readQuery(target, querySchema)
      const body = bodySchema === undefined ? undefined : await readJsonBody(ctx, bodySchema)
      const asked = { gate, path: path.data, query, body } as Parameters<typeof perform>[0]
      const line = { event: 'admin', operation: id, client, ...note?.(asked) }
      try {
        const document = await perform(asked)
        if (document === null) answerProblem(ctx, 404, { detail: 'there is none' })
        else answerJson(ctx, status, document)
        if (note !== undefined) gate.log.info({ ...line, outcome: 'done' })
      } catch (error) {
        if (note !== undefined) gate.log.warn({ ...line, outcome: 'failed' })
        throw error
      }
    },
  }
}
