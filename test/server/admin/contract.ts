import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect } from 'vitest'
import type { Answer } from '../../stage/start-gate.ts'

interface Described {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, unknown>>
}

export interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Which answers of which operations were held against the document: `listSessions 200`. */
export interface Contract {
  readonly checked: ReadonlySet<string>
  /** Fails the test when the document does not say that this is answered there. */
  check(method: string, path: string, answer: Answer): void
}

/** Members that the document does not name fail as well: it would not tell of them. */
export function contractOf(document: Document): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // CommonJS: the function is its own default export, and the types do not know that.
  ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
  ajv.addSchema(closed(document) as object, 'document')
  const checked = new Set<string>()
  return {
    checked,
    check(method, path, answer) {
      const [template, operation] = find(document, method, path)
      const { status } = answer
      const place = `${method} ${template} ${status}`
      const response = operation.responses[status] as { $ref?: string } | undefined
      expect(response, place).toBeDefined()
      const pointer =
        response?.$ref?.slice(1) ??
        `/paths/${escaped(template)}/${method.toLowerCase()}/responses/${status}`
      const type = status >= 400 ? 'application/problem+json' : 'application/json'
      expect(answer.headers.get('content-type')?.split(';')[0], place).toBe(type)
      const schema = { $ref: `document#${pointer}/content/${escaped(type)}/schema` }
      const validate = ajv.compile(schema)
      validate(JSON.parse(answer.text))
      expect(validate.errors ?? [], `${place}: ${answer.text}`).toEqual([])
      checked.add(`${operation.operationId} ${status}`)
    },
  }
}

function find(document: Document, method: string, path: string): [string, Described] {
  const asked = path.split('?')[0] ?? ''
  const templates = Object.keys(document.paths).sort((one, other) => one.length - other.length)
  const exact = templates.find((template) => template === asked)
  const template =
    exact ?? templates.find((one) => new RegExp(`^${one.replace(/\{\w+\}/, '[^/]+')}$`).test(asked))
  const operation = document.paths[template ?? '']?.[method.toLowerCase()]
  if (template === undefined || operation === undefined) {
    throw new Error(`the document has no ${method} ${path}`)
  }
  return [template, operation]
}

/** The document with every object closed that does not say otherwise. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, member]) => [name, closed(member)])
  const isObjectSchema = 'properties' in value && !('additionalProperties' in value)
  return Object.fromEntries([
    ...entries,
    ...(isObjectSchema ? [['additionalProperties', false]] : []),
  ])
}

/** For a JSON pointer in a fragment. */
function escaped(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))
}
