/** One contender as a process: its first message says which, each later one asks for its CPU time. */
import { createServer } from 'node:http'
import { contenders } from './contenders.mjs'

/** @param {{ name: string, directory: string, token: string }} order */
function start({ name, directory, token }) {
  const { listener, accessToken } = contenders[name](directory, { token })
  const server = createServer(listener)
  server.listen(0, '127.0.0.1', () => {
    process.send({ port: server.address().port, accessToken })
  })
}

process.once('message', (order) => {
  start(order)
  process.on('message', () => process.send(process.cpuUsage()))
})
// Whoever started it is done, or gone: nothing here outlives it.
process.once('disconnect', () => process.exit())
