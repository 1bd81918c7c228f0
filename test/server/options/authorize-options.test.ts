import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { judgeOptions } from '../../../server/options/judge-options.ts'

const secret = 'a-secret-of-asking-servers'
const rules = [{ origin: 'https://origin.example.com', open: true }]

function judged(authorize?: { secret: string }) {
  const sources = { environment: { ASKER: secret }, baseDirectory: import.meta.dirname }
  return judgeOptions({ rules, ...(authorize && { authorize }) }, sources).authorize
}

it('is not there unless it is given', () => {
  expect(judged()).toBeNull()
})

it.each([secret, 'env:ASKER'])('knows the secret that is given as %s, and no other', (text) => {
  const authorize = judged({ secret: text })
  expect(authorize?.isSecret(secret)).toBe(true)
  for (const other of ['', `${secret}x`, secret.slice(1), secret.toUpperCase(), 'env:ASKER']) {
    expect(authorize?.isSecret(other)).toBe(false)
  }
})

it('knows what was signed with it', () => {
  const authorize = judged({ secret })
  const mac = createHmac('sha1', secret).update('text').digest('hex')
  expect(authorize?.isSigned('text', mac)).toBe(true)
  expect(authorize?.isSigned('Text', mac)).toBe(false)
  expect(authorize?.isSigned('text', mac.slice(2))).toBe(false)
})

it('shows nothing of it, however it is looked at', () => {
  const authorize = judged({ secret })
  expect(inspect(authorize, { depth: 9, showHidden: true })).not.toContain(secret)
  expect(JSON.stringify(authorize)).toBe('{}')
})
