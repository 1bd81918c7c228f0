import type { z } from 'zod'
import { openApiDocument } from './openapi.ts'
import { type Operation, operation } from './operation.ts'
import { apiDescription } from './schemas.ts'
import { serverOperations } from './server-operations.ts'
import { sessionOperations } from './session-operations.ts'
import { tokenOperations } from './token-operations.ts'
import { version } from './version.ts'

let described: z.output<typeof apiDescription> | undefined

const describeApi = operation({
  method: 'GET',
  path: '/openapi.json',
  id: 'describeApi',
  tag: 'Server',
  summary: 'This document',
  answerSchema: apiDescription,
  status: 200,
  problems: [],
  examples: {},
  perform() {
    described ??= openApiDocument(operations, version)
    return described
  },
})

/** The whole admin API: what is not here is not there, and stands in no document. */
export const operations: readonly Operation[] = [
  ...sessionOperations,
  ...tokenOperations,
  ...serverOperations,
  describeApi,
]
