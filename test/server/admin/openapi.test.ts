import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { operations } from '../../../server/admin/operations.ts'
import type { StagedGate } from '../../stage/start-gate.ts'
import { adminPath, askAdmin, segment, startAdminGate, startPlayback } from './ask-admin.ts'
import { contractOf, type Document } from './contract.ts'

async function describedBy(stage: StagedGate): Promise<Document> {
  const answer = await askAdmin(stage, 'GET', '/openapi.json')
  expect(answer.status).toBe(200)
  return JSON.parse(answer.text)
}

const unknownId = '0'.repeat(40)
const unknownToken = 'A'.repeat(43)
const filled = (path: string) =>
  path.replace('{sessionId}', unknownId).replace('{tokenId}', unknownToken)

/** A rule that takes what can be made and kept. */
const takingAll = (revocable: boolean) => ({
  rule: {
    access: [
      { format: 'edgeauth' as const, key: 'vod' },
      { format: 'timed' as const, key: 'vod', revocable },
      { format: 'managed' as const },
    ],
  },
})

describe('GET /_playgate/admin/openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const document = await describedBy(await startAdminGate())
    const result = await new Validator().validate({ ...document })
    expect(result).toMatchObject({ valid: true })
    expect(document.openapi).toMatch(/^3\.1\.\d$/)
  })

  it('has each operation of the server once, and no other', async () => {
    const stage = await startAdminGate()
    const { paths } = await describedBy(stage)
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = operations.map(({ method, path }) => `${method} ${adminPath}${path}`)
    expect(described.sort()).toEqual(served.sort())
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        if (method.toLowerCase() in methods) continue
        const target = filled(path.slice(adminPath.length))
        const answer = await askAdmin(stage, method, target)
        expect([method, path, answer.status]).toEqual([method, path, 405])
        const allowed = (answer.headers.get('allow') ?? '').split(', ').sort()
        const known = Object.keys(methods).map((name) => name.toUpperCase())
        expect(allowed).toEqual([...known, ...(known.includes('GET') ? ['HEAD'] : [])].sort())
      }
    }
  })

  it('declares every path parameter, and every reference leads somewhere', async () => {
    const document = await describedBy(await startAdminGate())
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      for (const { parameters } of Object.values(methods)) {
        const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
        expect([path, declared]).toEqual([path, inPath])
      }
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
    expect(references.length).toBeGreaterThan(20)
    for (const [, pointer = ''] of references) {
      const found = pointer
        .split('/')
        .reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], document)
      expect([pointer, typeof found]).toEqual([pointer, 'object'])
    }
  })

  it('has examples that are valid by its own schemas', async () => {
    const document = await describedBy(await startAdminGate())
    const ajv = new Ajv2020({ strict: false })
    ;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
    ajv.addSchema(document, 'document')
    let count = 0
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      const { schema, examples } = value as {
        schema?: { $ref?: string }
        examples?: { example?: { value: unknown } }
      }
      if (schema?.$ref !== undefined && examples?.example !== undefined) {
        count += 1
        const validate = ajv.compile({ $ref: `document${schema.$ref}` })
        validate(examples.example.value)
        expect(validate.errors ?? []).toEqual([])
      }
      for (const member of Object.values(value)) look(member)
    }
    look(document.paths)
    expect(count).toBeGreaterThanOrEqual(operations.length)
  })

  it('describes every answer that the server gives', async () => {
    const stage = await startAdminGate(takingAll(false))
    const contract = contractOf(await describedBy(stage))
    const { token, sessionId, accessToken } = await startPlayback(stage, { subject: 'a' })
    await startPlayback(stage)
    await stage.ask(`${segment}?hdntl=${token}x`)
    await stage.ask('/vod//twice')
    const ask = async (method: string, path: string, body?: unknown, at = stage) => {
      const answer = await askAdmin(at, method, path, body)
      contract.check(method, adminPath + path, answer)
      return answer
    }
    await expect
      .poll(async () => JSON.parse((await ask('GET', '/sessions')).text).sessions.length)
      .toBe(2)
    await ask('GET', '/sessions?limit=1')
    await ask('GET', '/sessions?limit=x')
    await ask('GET', `/sessions/${sessionId}`)
    await ask('GET', `/sessions/${unknownId}`)
    await ask('GET', '/sessions/%20')
    await ask('DELETE', `/sessions/${sessionId}`)
    await ask('DELETE', `/sessions/${unknownId}`)
    await ask('DELETE', '/sessions/%20')
    await ask('DELETE', '/sessions')
    await ask('DELETE', '/sessions?subject=a')
    for (const body of [{ subject: 'a' }, { accessToken }, { key: 'vod' }, { all: true }, {}]) {
      await ask('POST', '/sessions/end', body)
    }
    await ask('POST', '/tokens', { ttlSeconds: 60 })
    await ask('POST', '/tokens', {})
    for (const url of [`${segment}?hdntl=${token}`, '/elsewhere', '/vod//x', segment, 'x']) {
      await ask('POST', '/explain', { url })
    }
    for (const format of ['edgeauth', 'timed'] as const) {
      await ask('POST', '/tokens', { format, ttlSeconds: 60 })
    }
    const timed = await ask('POST', '/tokens/timed', { lifeSeconds: 60, clientIp: '211.37.' })
    await ask('POST', '/tokens/timed', { lifeSeconds: 59 })
    const managed = await ask('POST', '/tokens/managed', { name: 'u7', referrer: 'example.com' })
    await ask('POST', '/tokens/managed', { name: '' })
    const [kept, sealed] = [managed, timed].map(({ text }) => JSON.parse(text))
    await ask('GET', '/tokens/managed?name=u7&limit=1')
    await ask('GET', '/tokens/managed?limit=x')
    for (const text of [accessToken, token, kept.token, sealed.token]) {
      await ask('POST', '/tokens/inspect', {
        token: text,
        path: segment,
        clientAddress: '211.37.0.1',
      })
    }
    await ask('POST', '/tokens/inspect', { token: 'rubbish' })
    await ask('POST', '/tokens/inspect', {})
    await ask('POST', '/explain', { url: `${segment}?token=${kept.token}` })
    await ask('DELETE', `/tokens/managed/${kept.id}`)
    await ask('DELETE', '/tokens/managed/short')
    await ask('DELETE', '/tokens/managed?name=u7')
    await ask('DELETE', '/tokens/managed')
    for (const body of [
      { tokens: [kept.id] },
      { name: 'u7' },
      { all: true },
      { timedOfKey: 'vod' },
      {},
    ]) {
      await ask('POST', '/tokens/revoke', body)
    }
    const huge = { url: `/${'x'.repeat(17_000)}` }
    for (const { method, path, bodySchema } of operations) {
      if (bodySchema !== undefined) await ask(method, path, huge)
    }
    await ask('GET', '/refusals')
    await ask('GET', '/refusals?x=1')
    await ask('GET', '/summary')
    await ask('GET', '/summary?x=1')
    await ask('GET', '/openapi.json')
    await ask('GET', '/openapi.json?x=1')

    const configuration = { store: 'redis://127.0.0.1:1' }
    const down = await startAdminGate({ ...takingAll(true), configuration })
    await ask('GET', '/sessions', undefined, down)
    await ask('GET', `/sessions/${unknownId}`, undefined, down)
    await ask('DELETE', `/sessions/${unknownId}`, undefined, down)
    await ask('DELETE', '/sessions?subject=a', undefined, down)
    await ask('POST', '/sessions/end', { all: true }, down)
    await ask('GET', '/summary', undefined, down)
    await ask('POST', '/explain', { url: segment }, down)
    await ask('POST', '/tokens/inspect', { token: kept.token }, down)
    await ask('POST', '/tokens', { format: 'managed' }, down)
    await ask('POST', '/tokens/managed', {}, down)
    await ask('POST', '/tokens/timed', { lifeSeconds: 60 }, down)
    await ask('GET', '/tokens/managed', undefined, down)
    await ask('DELETE', `/tokens/managed/${unknownToken}`, undefined, down)
    await ask('DELETE', '/tokens/managed?name=u7', undefined, down)
    await ask('POST', '/tokens/revoke', { all: true }, down)

    for (const { method, path } of operations) {
      const target = adminPath + filled(path)
      contract.check(method, target, await stage.ask(target, { method }))
    }

    // Every answer that the document names was seen, but for mistakes of our own.
    const named = operations.flatMap(({ id, status, problems, bodySchema }) =>
      [status, 400, 401, ...problems, ...(bodySchema === undefined ? [] : [413])].map(
        (one) => `${id} ${one}`,
      ),
    )
    expect([...contract.checked].sort()).toEqual(named.sort())
  })
})
