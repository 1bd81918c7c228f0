import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { operations } from '../../server/admin/operations.ts'
import {
  adminPath,
  adminToken,
  askAdmin,
  bearer,
  playlist,
  segment,
  startAdminGate,
  startPlayback,
} from '../server/admin/ask-admin.ts'
import { useBrowser } from '../stage/browser.ts'
import type { StagedGate } from '../stage/start-gate.ts'
import { describeWith } from '../stage/tools.ts'
import { type HandWritten, type Reply, send } from './refusal.ts'

const authorization = `Authorization: Bearer ${adminToken}`
const unknownId = '0'.repeat(40)
const json = 'Content-Type: application/json'

/** Every operation, asked for as it should be but for the token. */
const everything: readonly { method: string; target: string; body: string }[] = operations.map(
  ({ method, path, bodySchema }) => ({
    method,
    target: `${adminPath}${path.replace('{sessionId}', unknownId)}`,
    body: bodySchema === undefined ? '' : '{"all":true}',
  }),
)

function withBody(body: string, headers: readonly string[] = []): HandWritten {
  return body === ''
    ? { headers }
    : { headers: [...headers, json, `Content-Length: ${body.length}`], body }
}

/** Refused before anything was looked at: no store, no session, no word about what is there. */
function expectLocked(reply: Reply): void {
  expect(reply.status).toBe(401)
  expect(reply.header('www-authenticate')).toBe('Bearer')
  expect(reply.header('cache-control')).toBe('no-store')
  expect(reply.header('content-type')).toBe('application/problem+json')
  expect(JSON.parse(reply.text)).toMatchObject({ status: 401 })
}

describe('without the admin token', () => {
  it.each([
    ['nothing', '', []],
    ['a wrong token', '', ['Authorization: Bearer correct-horse-battery-stapler']],
    ['the beginning of the token', '', [`Authorization: Bearer ${adminToken.slice(0, -1)}`]],
    ['the token in other letters', '', [`Authorization: Bearer ${adminToken.toUpperCase()}`]],
    ['an empty token', '', ['Authorization: Bearer ']],
    ['a token without a scheme', '', [`Authorization: ${adminToken}`]],
    ['another scheme', '', [`Authorization: Basic ${btoa(`admin:${adminToken}`)}`]],
    ['another scheme with the token', '', [`Authorization: Token ${adminToken}`]],
    ['a list of credentials', '', [`Authorization: Basic eDp5, Bearer ${adminToken}`]],
    ['two headers', '', ['Authorization: Bearer x', authorization]],
    ['two headers, the good one first', '', [authorization, 'Authorization: Bearer x']],
    ['the token in quotes', '', [`Authorization: Bearer "${adminToken}"`]],
    ['the token in the query', `access_token=${adminToken}`, []],
    ['the token in the query by another name', `token=${adminToken}`, []],
    ['the token in a cookie', '', [`Cookie: token=${adminToken}`]],
    ['the token in another header', '', [`X-Authorization: Bearer ${adminToken}`]],
    ['the token for a proxy', '', [`Proxy-Authorization: Bearer ${adminToken}`]],
  ])('%s opens no operation', async (_what, query, headers) => {
    const stage = await startAdminGate()
    const { goOn } = await startPlayback(stage, { subject: 'a' })
    for (const { method, target, body } of everything) {
      const reply = await send(stage, query === '' ? target : `${target}?${query}`, {
        ...withBody(body, headers),
        method,
      })
      expectLocked(reply)
    }
    for (const path of ['/nothing', '/sessions/x/y', '/page.js/', '/index.html']) {
      expectLocked(await send(stage, adminPath + path, { headers }))
    }
    expect((await goOn()).status).toBe(200)
    expect(stage.log.join()).not.toContain(adminToken)
    expect(stage.log.filter((line) => line.includes('"event":"admin"')).length).toBeGreaterThan(0)
  })

  it('a page of another origin learns nothing, not even by asking first', async () => {
    const stage = await startAdminGate()
    const origin = 'Origin: https://evil.example'
    for (const { method, target, body } of everything) {
      const preflight = [
        origin,
        `Access-Control-Request-Method: ${method}`,
        'Access-Control-Request-Headers: authorization',
      ]
      const replies = [
        await send(stage, target, { method: 'OPTIONS', headers: preflight }),
        await send(stage, target, { method, ...withBody(body, [origin]) }),
        await send(stage, target, { method, ...withBody(body, [origin, authorization]) }),
        await send(stage, `${adminPath}/page.js`, { headers: [origin] }),
      ]
      expect(replies[0]?.status).toBe(401)
      for (const reply of replies) {
        for (const name of ['origin', 'headers', 'methods', 'credentials']) {
          expect(reply.header(`access-control-allow-${name}`)).toBeNull()
        }
        expect(reply.header('cross-origin-resource-policy')).toBe('same-origin')
        expect(reply.header('content-security-policy')).toContain("frame-ancestors 'none'")
        expect(reply.header('x-content-type-options')).toBe('nosniff')
      }
    }
  })

  it('the token is compared by one function, which nobody can look into', async () => {
    const { gate } = await startAdminGate()
    const { admin } = gate.options
    expect(Object.keys(admin ?? {})).toEqual(['isToken'])
    expect([admin?.isToken(adminToken), admin?.isToken(`${adminToken} `)]).toEqual([true, false])
    expect(inspect(admin, { depth: 9, showHidden: true }) + JSON.stringify(admin)).not.toContain(
      adminToken,
    )
  })
})

describe('with the admin token', () => {
  const otherSpellings = [
    ...['//_playgate/admin/sessions', '/_playgate//admin/sessions', '/_playgate/admin//sessions'],
    ...[
      '/_playgate/%61dmin/sessions',
      '/_playgate/admin/%73essions',
      '/%5fplaygate/admin/sessions',
    ],
    ...[
      '/_playgate/admin%2fsessions',
      '/_playgate/admin/./sessions',
      '/_playgate/admin/x/../sessions',
    ],
    ...['/_playgate/ADMIN/sessions', '/_playgate/admin/Sessions', '/_playgate/admin/sessions/'],
    ...['/_playgate/admin/sessions;x', '/_playgate/admin;/sessions', '/_playgate/admin\\sessions'],
    ...[
      '/_playgate/adminx/sessions',
      '/_playgate/admin/sessions%00',
      '/_playgate/admin/sessions%20',
    ],
    ...['/_playgate/health/../admin/sessions', '/vod/..%2f_playgate/admin/sessions'],
    ...['/hdntl=x/_playgate/admin/sessions', '/_playgate/hdntl=x/admin/sessions'],
    ...['/_playgate/admin/..%2foperations.ts', '/_playgate/admin/../mount-admin.ts'],
    ...['/_playgate/admin/page/page.js', '/_playgate/admin/page.js%3f', '/_playgate/admin/.env'],
    ...['/_playgate/admin/__proto__', '/_playgate/admin/constructor', '/_playgate/admin/toString'],
  ]

  it.each(otherSpellings)('%s is nowhere', async (target) => {
    const stage = await startAdminGate()
    const reply = await send(stage, target, { headers: [authorization] })
    expect([400, 403, 404]).toContain(reply.status)
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.text).not.toContain('sessions')
    expect(stage.origin.requests).toEqual([])
  })

  it('an absolute target is no way in', async () => {
    const stage = await startAdminGate()
    for (const host of [new URL(stage.url).host, 'evil.example']) {
      const target = `http://${host}${adminPath}/sessions`
      expect((await send(stage, target, { headers: [authorization] })).status).toBe(400)
    }
    const twoHosts = ['Host: a.example', 'Host: b.example', authorization]
    expect((await send(stage, `${adminPath}/sessions`, { headers: twoHosts })).status).toBe(400)
  })

  it.each(['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE'])(
    '%s does nothing',
    async (method) => {
      const stage = await startAdminGate()
      for (const { target } of everything) {
        const reply = await send(stage, target, { method, headers: [authorization] })
        expect([target, reply.status]).toEqual([target, 405])
        expect(reply.header('allow')).toMatch(/^(GET, HEAD|DELETE|POST)/)
        expect(reply.text).not.toContain(adminToken)
      }
    },
  )

  it.each([
    ['no type', '{"all":true}', [], 400],
    ['a form', 'all=true', ['Content-Type: application/x-www-form-urlencoded'], 400],
    ['JSON by another name', '{"all":true}', ['Content-Type: text/plain'], 400],
    ['nothing', '', [json], 400],
    ['half an object', '{"all":true', [json], 400],
    ['two objects', '{"all":true}{}', [json], 400],
    ['null', 'null', [json], 400],
    ['a number', '1e999', [json], 400],
    ['a list', '[{"all":true}]', [json], 400],
    ['a polluted prototype', '{"__proto__":{"all":true}}', [json], 400],
    ['a constructor', '{"constructor":{"prototype":{"all":true}}}', [json], 400],
    ['deep nesting', '['.repeat(16_000), [json], 400],
    ['a huge body', `{"subject":"${'x'.repeat(100_000)}"}`, [json], 413],
    ['a huge subject', `{"subject":"${'x'.repeat(2_000)}"}`, [json], 400],
    ['a body in UTF-16', '{\0"\0a\0l\0l\0"\0:\0t\0r\0u\0e\0}\0', [json], 400],
    ['text that is no text', '{"subject":"\\ud800\\u0000"}', [json], 200],
  ])('%s as a body ends nothing', async (_what, body, headers, status) => {
    const stage = await startAdminGate()
    const { goOn } = await startPlayback(stage, { subject: 'a' })
    for (const path of ['/sessions/end', '/tokens', '/explain']) {
      const reply = await send(stage, adminPath + path, {
        method: 'POST',
        headers: [authorization, ...headers, `Content-Length: ${body.length}`],
        body,
      })
      expect([path, reply.status]).toEqual([
        path,
        path === '/sessions/end' ? status : Math.max(status, 400),
      ])
      expect(reply.text).not.toMatch(/ at .*\.ts:|node_modules/)
    }
    expect((await goOn()).status).toBe(200)
  })

  it('no answer holds a token, and neither does the log', async () => {
    const stage = await startAdminGate()
    const { token, accessToken, goOn } = await startPlayback(stage, { subject: 'a' })
    await stage.ask(`${segment}?hdntl=${token}`, { headers: { 'User-Agent': 'Thief/1.0' } })
    await stage.ask(`${playlist}?hdnts=${accessToken}&hdnts=${token}`)
    await goOn()
    const answers = [
      await askAdmin(stage, 'GET', '/sessions?state=all'),
      await askAdmin(stage, 'GET', '/refusals'),
      await askAdmin(stage, 'GET', '/summary'),
      await askAdmin(stage, 'GET', '/openapi.json'),
      await askAdmin(stage, 'POST', '/explain', {
        url: `${segment}?hdntl=${token}&hdnts=${accessToken}`,
      }),
      await askAdmin(stage, 'POST', '/explain', { url: `/hdntl=${token}${segment}` }),
      await askAdmin(stage, 'POST', '/sessions/end', { accessToken }),
      await askAdmin(stage, 'POST', '/sessions/end', { accessToken: `${accessToken}0` }),
      await askAdmin(stage, 'GET', `/sessions?${token}`),
      await askAdmin(stage, 'GET', `/sessions?cursor=${encodeURIComponent(token)}`),
      await askAdmin(
        stage,
        'DELETE',
        `/sessions/${encodeURIComponent(token.replaceAll('/', '-'))}`,
      ),
    ]
    const signatures = [token, accessToken].map((one) => one.slice(-64))
    const told = answers.map(({ text }) => text).join() + stage.log.join()
    for (const secret of [...signatures, adminToken]) expect(told).not.toContain(secret)
  })
})

/** What a viewer can choose: the subject through a careless site, the path, and every header. */
const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>'
const hostileAgent = `${hostile}"'\u202egpj.exe`

async function playHostile(stage: StagedGate): Promise<void> {
  // No token can carry blanks.
  const subject = hostile.replaceAll(' ', '/')
  for (const one of [subject, '<b>bold</b>', "'onload='alert(1)"]) {
    const headers = { 'User-Agent': Buffer.from(hostileAgent).toString('latin1') }
    await startPlayback(stage, { subject: one, headers })
  }
  await send(stage, `/vod/${hostile.replaceAll(' ', '/')}`)
  await send(stage, '/vod/<svg/onload=alert(1)>')
  await send(stage, segment, { headers: ['User-Agent: <b>x</b>'] })
}

describe('what viewers choose', () => {
  it('is data in an answer, and never a header', async () => {
    const stage = await startAdminGate()
    await playHostile(stage)
    await expect
      .poll(
        async () => JSON.parse((await askAdmin(stage, 'GET', '/sessions')).text).sessions.length,
      )
      .toBe(3)
    for (const path of ['/sessions', '/refusals', `/sessions?subject=%0d%0aX-Evil:%201`]) {
      const answer = await askAdmin(stage, 'GET', path)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(answer.headers.get('x-evil')).toBeNull()
    }
    const sent = { method: 'DELETE', headers: bearer }
    const answer = await stage.ask(`${adminPath}/sessions?subject=%0d%0aX-Evil:%201`, sent)
    expect([answer.status, answer.headers.get('x-evil')]).toEqual([200, null])
    for (const line of stage.log) expect(() => JSON.parse(line)).not.toThrow()
  })
})

describeWith(['chromium'], 'what viewers choose, on the page', () => {
  const browser = useBrowser()

  it('stays text, however it is written', async () => {
    const stage = await startAdminGate()
    await playHostile(stage)
    const { page, consoleErrors, pageErrors } = await browser.openPage(`${stage.url}${adminPath}/`)
    let dialogs = 0
    page.on('dialog', (dialog) => {
      dialogs += 1
      void dialog.dismiss()
    })
    await page.fill('#token', adminToken)
    await page.keyboard.press('Enter')
    const rows = page.locator('[data-testid=session-row]')
    await expect.poll(() => rows.count()).toBe(3)
    await expect.poll(() => page.locator('[data-testid=refusal-row]').count()).toBeGreaterThan(0)
    const markup = await page.evaluate(() => ({
      foreign: document.querySelectorAll('tbody :is(img, script, svg, b:not([data-slot]))').length,
      titles: [...document.querySelectorAll('[data-slot=device]')].map((one) =>
        one.getAttribute('title'),
      ),
    }))
    expect(markup.foreign).toBe(0)
    expect(markup.titles[0]).toContain(hostile)
    expect(await rows.allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining('<b>bold</b>')]),
    )
    await page.fill('#filter', '<b>')
    await expect.poll(() => rows.count()).toBe(1)
    await page.locator('[data-testid=end-subject]').click()
    await expect.poll(() => page.innerText('#toast')).toBe('Ended 1 session of <b>bold</b>.')
    expect([dialogs, consoleErrors, pageErrors]).toEqual([0, [], []])
  })
})
