/** The load as a process: each message is a run of so many requests, and is answered when it is over. */
import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

const headEnd = Buffer.from('\r\n\r\n')
const patienceMs = 60_000

/**
 * One request after another on one connection that is kept, for as long as `next` says.
 *
 * @param {import('node:net').Socket} socket connected
 * @param {string} request
 * @param {() => boolean} next take one of the requests that are left
 * @returns {Promise<void>}
 */
function talk(socket, request, next) {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    let bodyLeft = -1
    const advance = () => {
      bodyLeft = -1
      if (next()) socket.write(request)
      else resolve()
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (chunk) => {
      if (bodyLeft < 0) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf(headEnd)
        if (end < 0) return
        const text = head.toString('latin1', 0, end)
        const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
        if (!text.startsWith('HTTP/1.1 200 ') || length === undefined) {
          reject(new Error(`not an answer of 200 with a length: ${text.split('\r\n', 1)}`))
          return
        }
        bodyLeft = Number(length) - (head.length - end - headEnd.length)
        head = Buffer.alloc(0)
      } else {
        bodyLeft -= chunk.length
      }
      if (bodyLeft === 0) advance()
    })
    advance()
  })
}

/** @param {number} port */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

/** @param {{ port: number, requests: string[], count: number }} run one connection for each of `requests` */
async function run({ port, requests, count }) {
  const sockets = await Promise.all(requests.map(() => open(port)))
  const watchdog = setTimeout(() => {
    for (const socket of sockets) socket.destroy(new Error('no answer for too long'))
  }, patienceMs)
  try {
    let left = count
    const started = performance.now()
    await Promise.all(
      sockets.map((socket, index) => talk(socket, requests[index], () => left-- > 0)),
    )
    return { elapsedMs: performance.now() - started }
  } finally {
    clearTimeout(watchdog)
    for (const socket of sockets) socket.destroy()
  }
}

process.on('message', (order) => {
  run(order).then(
    (result) => process.send(result),
    (error) => process.send({ error: error.message }),
  )
})
process.once('disconnect', () => process.exit())
