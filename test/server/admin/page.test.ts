import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { operations } from '../../../server/admin/operations.ts'
import { startGate, testKey } from '../../stage/start-gate.ts'
import { adminPath, adminToken, askAdmin, bearer, startAdminGate } from './ask-admin.ts'

const folder = join(import.meta.dirname, '../../../server/admin/page')
const names = readdirSync(folder)
const built = join(import.meta.dirname, '../../../dist/server/admin')

describe('the files of the admin page', () => {
  it('are served to everybody, as they are, with a policy that lets nothing else in', async () => {
    const stage = await startAdminGate()
    const types: Record<string, string> = {
      html: 'text/html; charset=utf-8',
      css: 'text/css; charset=utf-8',
      js: 'text/javascript; charset=utf-8',
      svg: 'image/svg+xml',
    }
    for (const name of names) {
      const answer = await stage.ask(`${adminPath}/${name === 'index.html' ? '' : name}`)
      expect([name, answer.status]).toEqual([name, 200])
      expect(answer.text).toBe(readFileSync(join(folder, name), 'utf8'))
      const { headers } = answer
      expect(headers.get('content-type')).toBe(types[name.split('.').at(-1) ?? ''])
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      const policy = (headers.get('content-security-policy') ?? '').split('; ')
      expect(policy).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "connect-src 'self'",
          "frame-ancestors 'none'",
          "form-action 'none'",
          "base-uri 'none'",
        ]),
      )
      expect(policy.join()).not.toMatch(/unsafe|\*|data:/)
    }
  })

  it('hold no script or style inline, no markup from strings, and nothing that stays', () => {
    const html = readFileSync(join(folder, 'index.html'), 'utf8')
    expect(html.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="page.js">'])
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|https?:\/\//)
    const scripts = names.filter((name) => name.endsWith('.js'))
    expect(scripts.length).toBeGreaterThan(3)
    for (const name of scripts) {
      const script = readFileSync(join(folder, name), 'utf8')
      expect([name, script]).toEqual([
        name,
        expect.not.stringMatching(
          /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Storage\b|cookie|indexedDB/,
        ),
      ])
    }
  })

  it.runIf(existsSync(built))('are built, one and all', () => {
    expect(readdirSync(join(built, 'page'))).toEqual(names)
  })

  it('answer HEAD, and no other method', async () => {
    const stage = await startAdminGate()
    const head = await stage.ask(`${adminPath}/`, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    expect((await stage.ask(`${adminPath}/page.js`, { method: 'POST' })).status).toBe(401)
    const post = await askAdmin(stage, 'POST', '/page.js')
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('are found from the path without a slash', async () => {
    const stage = await startAdminGate()
    const answer = await stage.ask(`${adminPath}?x=1`)
    expect([answer.status, answer.headers.get('location')]).toEqual([308, 'admin/'])
    expect((await fetch(stage.url + adminPath)).url).toBe(`${stage.url}${adminPath}/`)
    expect((await askAdmin(stage, 'POST', '')).status).toBe(405)
  })
})

describe('a configuration without admin', () => {
  const targets = [
    ...['', '/', '/page.js', '/page.css', '/index.html', '/nothing'],
    ...operations.map(({ path }) => path.replace('{sessionId}', '0'.repeat(40))),
  ]

  it('has nothing there, whoever asks', async () => {
    const stage = await startGate()
    const missing = await stage.ask('/_playgate/nothing', { headers: bearer })
    for (const target of targets) {
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
        const answer = await stage.ask(adminPath + target, { method, headers: bearer })
        expect([method, target, answer.status]).toEqual([method, target, 404])
        if (method !== 'HEAD') expect(answer.text).toBe(missing.text)
      }
    }
  })

  it('comes and goes with a reload', async () => {
    const stage = await startGate()
    const { rules } = {
      rules: [
        {
          name: 'film',
          match: { paths: ['/vod/*'] },
          origin: stage.origin.url,
          access: { format: 'edgeauth' as const, key: 'vod' },
          session: {},
        },
      ],
    }
    const keys = { vod: { primary: testKey } }
    stage.gate.reload({ keys, rules, admin: { token: adminToken } })
    expect((await stage.ask(`${adminPath}/`)).status).toBe(200)
    expect((await askAdmin(stage, 'GET', '/summary')).status).toBe(200)
    stage.gate.reload({ keys, rules, admin: { token: 'another-admin-token' } })
    expect((await askAdmin(stage, 'GET', '/summary')).status).toBe(401)
    stage.gate.reload({ keys, rules })
    expect((await askAdmin(stage, 'GET', '/summary')).status).toBe(404)
    expect((await stage.ask(`${adminPath}/`)).status).toBe(404)
  })
})
