import { Agent, request as httpRequest } from 'node:http'
import { expect, it } from 'vitest'
import { listen } from '../../server/app.ts'
import { deferred } from '../stage/deferred.ts'

it('stopping finishes what is under way, closes each connection as it falls idle, and takes no more', async () => {
  const { promise: held, resolve: release } = deferred()
  const server = await listen(
    async (_request, response) => {
      await held
      response.end('whole')
    },
    { host: '127.0.0.1', port: 0 },
  )
  const agent = new Agent({ keepAlive: true })
  const answer = new Promise<string>((resolve, reject) => {
    const asking = httpRequest(server.url, { agent }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    asking.on('error', reject)
    asking.on('socket', (socket) => socket.once('connect', () => setImmediate(() => stop())))
    asking.end()
  })
  let stopped: Promise<void> | undefined
  const stop = (): void => {
    // A minute of grace, of which nothing is needed: the test would time out.
    stopped = server.close(60_000)
    release()
  }
  expect(await answer).toBe('whole')
  await stopped
  await expect(fetch(server.url)).rejects.toThrow()
  agent.destroy()
})
