import { z } from 'zod'
import { namedSchemas } from './named-schemas.ts'
import type { Operation } from './operation.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Where the operations lie; paths in the document are whole. */
export const adminPath = '/_playgate/admin'

/** The OpenAPI 3.1 document of these operations, whose schemas are theirs (JSON Schema 2020-12). */
export function openApiDocument(
  operations: readonly Operation[],
  version: string,
): JsonObject & { readonly openapi: string } {
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const one of operations) {
    const path = adminPath + one.path
    paths[path] ??= {}
    paths[path][one.method.toLowerCase()] = describe(one)
  }
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: dialect,
    info: {
      title: 'Playgate admin API',
      version,
      summary: 'Who plays; what was refused; end sessions, mint access tokens, explain answers.',
      description:
        'Refused requests get a problem document (RFC 9457). Every answer is `Cache-Control: no-store`, and no page of ' +
        'another origin can read one.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'Sessions', description: 'Of all machines that share the store' },
      { name: 'Tokens', description: 'Access tokens, and what becomes of a request' },
      { name: 'Server', description: 'The machine that was asked' },
    ],
    security: [{ adminToken: [] }],
    paths,
    components: {
      schemas: namedJsonSchemas(),
      responses: {
        Problem: problemResponse(null, 'Any other problem: a request that is too long, …'),
        ...Object.fromEntries(
          Object.entries(problems).map(([status, description]) => [
            `Problem${status}`,
            problemResponse(Number(status), description),
          ]),
        ),
      },
      securitySchemes: {
        adminToken: {
          type: 'http',
          scheme: 'bearer',
          description: '`admin.token` of the configuration',
        },
      },
    },
  }
}

const dialect = 'https://json-schema.org/draft/2020-12/schema'

const problems: Readonly<Record<number, string>> = {
  400: 'Something is wrong with the request; `detail` names what',
  401: 'No admin token, or a wrong one',
  404: 'There is none',
  413: 'A body of more than 16 KiB',
  500: 'A mistake of ours; `id` stands in the log',
  503: 'The store does not answer, and it is unknown what was done: try again',
}

function problemResponse(status: number | null, description: string): JsonObject {
  return {
    description,
    ...(status === 401 && {
      headers: { 'WWW-Authenticate': { schema: { type: 'string', const: 'Bearer' } } },
    }),
    ...(status === 503 && {
      headers: {
        'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 0 } },
      },
    }),
    content: { 'application/problem+json': { schema: reference('Problem') } },
  }
}

function describe(one: Operation): JsonObject {
  const { bodySchema, examples } = one
  const statuses = [400, 401, 500, ...one.problems, ...(bodySchema === undefined ? [] : [413])]
  return {
    operationId: one.id,
    tags: [one.tag],
    summary: one.summary,
    ...(one.description !== undefined && { description: one.description }),
    parameters: [...parameters('path', one.pathSchema), ...parameters('query', one.querySchema)],
    ...(bodySchema !== undefined && {
      requestBody: { required: true, content: json(bodySchema, examples.body) },
    }),
    responses: {
      [one.status]: {
        description: one.answerSchema.description ?? one.summary,
        content: json(one.answerSchema, examples.answer),
      },
      ...Object.fromEntries(
        statuses
          .sort((first, second) => first - second)
          .map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function json(schema: z.ZodType, example: unknown): JsonObject {
  const named = Object.entries(namedSchemas).find(([, one]) => one === schema)
  if (named === undefined) throw new TypeError('bodies and answers have a name in namedSchemas')
  const [name] = named
  return {
    'application/json': {
      schema: reference(name),
      ...(example !== undefined && { examples: { example: { value: example } } }),
    },
  }
}

function parameters(place: 'path' | 'query', schema: z.ZodObject): JsonObject[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'output',
    override: tidy,
  })
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as JsonObject
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

function namedJsonSchemas(): JsonObject {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(namedSchemas)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => reference(id).$ref,
    override: tidy,
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _place, ...schema }]) => [
      name,
      schema,
    ]),
  )
}

/** Leaves out what tells a reader nothing: the pattern of a format, and the bounds of what a number can hold. */
function tidy({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
}

function reference(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}
