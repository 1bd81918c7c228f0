import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Operation } from '../../../server/admin/operation.ts'
import { operations } from '../../../server/admin/operations.ts'
import { docBlock } from '../../stage/read-blocks.ts'
import { testKey } from '../../stage/start-gate.ts'
import { adminPath, askAdmin, startAdminGate } from './ask-admin.ts'

const page = readFileSync(join(import.meta.dirname, '../../../shared/docs/admin.md'), 'utf8')

/** The row of the table that tells of an operation, its query included. */
function rowOf({ method, path }: Operation): string | undefined {
  const start = `| \`${method} ${path.slice(1)}`
  return page
    .split('\n')
    .find((line) => line.startsWith(start) && /^[?`]/.test(line.slice(start.length)))
}

describe('admin.md', () => {
  it.each(operations.map((operation) => [operation.id, operation] as const))(
    'tells of %s, and of all that it takes',
    (_id, operation) => {
      const row = rowOf(operation)
      expect(row).toBeDefined()
      const { bodySchema, querySchema } = operation
      const members = bodySchema instanceof z.ZodObject ? Object.keys(bodySchema.shape) : []
      const named = [...members, ...Object.keys(querySchema.shape)]
      expect(named.filter((name) => !new RegExp(`[\`?&]${name}[\`=:]`).test(row ?? ''))).toEqual([])
    },
  )

  it('asks for what the server has, with what it takes', async () => {
    const access = [
      { format: 'edgeauth', key: 'vod' },
      { format: 'ectoken', key: 'portal' },
      { format: 'timed', key: 'vod' },
      { format: 'managed' },
    ] as const
    const primary = 'a pass phrase that nobody guesses, 7 times over'
    const stage = await startAdminGate({
      rule: { access: [...access] },
      configuration: { keys: { vod: { primary: testKey }, portal: { primary } } },
    })
    const calls = [
      ...docBlock('admin.md', 'sh').matchAll(
        /^curl -H "\$auth" (?:-X (\w+) )?(?:--json '([^']+)' )?"\$admin(\/[^"]+)"$/gm,
      ),
    ]
    expect(calls).toHaveLength(docBlock('admin.md', 'sh').match(/^curl/gm)?.length ?? 0)
    for (const [, method, body, path = ''] of calls) {
      const whole = body?.replace('exp=…~acl=/vod/*~hmac=…', stage.mint())
      const asked = whole === undefined ? undefined : JSON.parse(whole)
      const answer = await askAdmin(
        stage,
        method ?? (body === undefined ? 'GET' : 'POST'),
        path,
        asked,
      )
      const made = /^\/tokens(\/timed|\/managed)?$/.test(path) && body !== undefined
      expect([adminPath + path, answer.text, answer.status]).toEqual([
        adminPath + path,
        answer.text,
        made ? 201 : 200,
      ])
    }
  })
})
