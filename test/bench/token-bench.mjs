import assert from 'node:assert/strict'
import { createHmac, createSecretKey } from 'node:crypto'
import { createPlaygate } from '../../dist/server/index.js'
import { ProofMemory } from '../../dist/server/session/proof-memory.js'
import { saltFor } from '../../dist/server/session/salt.js'
import { judgeClaims } from '../../dist/server/token/edgeauth-verify.js'
import { edgeauth, Keyring } from '../../dist/server/token/index.js'
import {
  acl,
  keyHex,
  mediaPath,
  parameter,
  sessionFields,
  userAgent,
  viewers,
} from './material.mjs'
import { measureFunctions } from './measure.mjs'
import { verifyNaively } from './naive.mjs'
import { tableOf } from './report.mjs'

const path = mediaPath.replace('index.m3u8', 'segment/000007.m4s')

/** Judging one session token of an EdgeAuth kind, which every request begins with. */
export async function benchTokens(effort) {
  const now = Math.floor(Date.now() / 1000)
  const facts = factsFor()
  const session = await sessionOptions()
  const salt = saltFor(facts, session)
  const key = createSecretKey(keyHex, 'hex')
  const keys = new Keyring(key)
  const tokens = Array.from({ length: viewers }, () =>
    edgeauth.mint({ ...sessionFields(now + 7200), salt, key: keys }),
  )
  const signed = tokens.map((token) => `${token.slice(0, token.lastIndexOf('~'))}~salt=${salt}`)
  const memory = new ProofMemory(session)
  const request = { path, clientIp: facts.clientAddress, now, clockSkewSeconds: 0 }

  const contenders = [
    {
      name: 'naive: URLSearchParams, split, RegExp',
      run: (index) => verifyNaively(tokens[index % viewers], { keyHex, path, now, salt }),
    },
    {
      name: 'edgeauth.verify, fresh',
      run: (index) => edgeauth.verify(tokens[index % viewers], { path, keys, salt, now }).valid,
    },
    {
      name: 'server, remembered proof',
      run(index) {
        const proof = memory.prove(tokens[index % viewers], facts)
        return proof.ok && judgeClaims(proof.claims, request).ok
      },
    },
    {
      name: 'limit: one createHmac over these bytes',
      run: (index) =>
        createHmac('sha256', key)
          .update(signed[index % viewers])
          .digest().length > 0,
    },
  ]
  for (const { name, run } of contenders) {
    for (let index = 0; index < viewers; index++) assert.equal(run(index), true, name)
  }
  assert.equal(verifyNaively(tokens[0], { keyHex, path: '/other', now, salt }), false)

  const [naive, fresh, remembered, limit] = contenders.map(({ name }) => name)
  return tableOf({
    id: 'token',
    title: `One session token of ${tokens[0].length} bytes, ACL ${acl}`,
    unit: 'µs CPU',
    better: 'less',
    samples: measureFunctions(contenders, effort),
    slack: effort.slack,
    peer: naive,
    limit,
    expectations: [
      {
        what: 'token: a fresh verification against the naive one',
        of: fresh,
        to: naive,
        atLeast: 0.8,
      },
      {
        what: 'token: a remembered token against a fresh one',
        of: remembered,
        to: fresh,
        atLeast: 2.5,
      },
      {
        what: 'token: a remembered token against one bare HMAC',
        of: remembered,
        to: limit,
        atLeast: 1.2,
      },
    ],
  })
}

/** The options of a session as the server reads them from a configuration. */
async function sessionOptions() {
  const gate = createPlaygate(
    {
      keys: { site: { primary: keyHex } },
      rules: [
        {
          match: { paths: ['/vod/*'] },
          origin: import.meta.dirname,
          access: { format: 'edgeauth', key: 'site' },
          session: { key: 'site', parameter },
        },
      ],
    },
    { environment: {} },
  )
  const { session } = gate.options.rules[0]
  await gate.close()
  return session
}

function factsFor() {
  return {
    method: 'GET',
    target: path,
    rawPath: path,
    path,
    host: '127.0.0.1',
    scheme: 'http',
    clientAddress: '127.0.0.1',
    headers: new Map([
      ['host', ['127.0.0.1']],
      ['user-agent', [userAgent]],
    ]),
  }
}
