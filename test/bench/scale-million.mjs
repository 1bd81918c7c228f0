/**
 * The arithmetic of shared/docs/scale.md: a million concurrent sessions, from the figures of one run.
 */
const audience = 1_000_000
/** Assumed of the audience; see the page. */
const meanMinutes = 30
/** Of the server: session-tracker.ts and ending-feed.ts. */
const tellSeconds = 15
const recountSeconds = 10
const pollsASecond = 4

const round = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString()

/** @returns {string} what was measured, and what it makes of a million sessions */
export function describeMillion({ sessions, node, process: own, stores }) {
  const lines = [
    `measured with ${sessions.toLocaleString('en')} sessions, Node ${node}`,
    '',
    `a process: ${round(own.bytesASession)} bytes for each session it serves;`,
    `  a request under one: ${round(own.admitMicroseconds)} µs, of which was it ended? ${round(own.endedByMicroseconds)} µs`,
  ]
  for (const [name, figures] of Object.entries(stores)) {
    if (figures !== null) lines.push('', ...describeStore(name, figures))
  }
  return `${lines.join('\n')}\n`
}

function describeStore(name, figures) {
  const { opening, touching, claiming } = figures
  const openings = audience / (meanMinutes * 60)
  const rates = [
    ['openings', openings, opening],
    [`news of sessions, each every ${tellSeconds} s`, audience / tellSeconds, touching],
    [
      `counts, each every ${recountSeconds} s (only with maxConcurrent)`,
      audience / recountSeconds,
      claiming,
    ],
  ]
  const lines = [
    `${name}: ${round(figures.bytesASession)} bytes a session`,
    ...[
      ['opening', opening],
      ['news', touching],
      ['count', claiming],
    ].map(([what, figure]) => `  one ${what}: ${describeOperation(figure)}`),
    `  a page of 100: ${round(figures.listMs)} ms; of one subject: ${round(figures.listSubjectMs)} ms; ending all: ${round(figures.endAllMs)} ms; was anything ended?: ${round(figures.pollMs)} ms`,
    `  a million: ${round((figures.bytesASession * audience) / 2 ** 20)} MiB, and a second`,
    ...rates.map(
      ([what, rate, figure]) => `    ${round(rate)} ${what}${describeLoad(rate, figure)}`,
    ),
    `    ${pollsASecond} questions what was ended, a process`,
  ]
  return lines
}

function describeOperation({
  perSecond,
  cpuMicroseconds,
  serverCommands,
  serverCpuMicroseconds,
  bytesIn,
}) {
  const server =
    serverCommands === undefined
      ? ''
      : `, ${round(serverCommands)} commands, ${round(serverCpuMicroseconds)} µs and ${round(bytesIn)} bytes at the server`
  return `${round(perSecond)} a second, ${round(cpuMicroseconds)} µs of our CPU${server}`
}

function describeLoad(rate, { perSecond, serverCpuMicroseconds, bytesIn }) {
  if (serverCpuMicroseconds === undefined) {
    return `: ${round((100 * rate) / perSecond)} % of what one process can do`
  }
  const cores = (rate * serverCpuMicroseconds) / 1e6
  return `: ${round(cores)} cores, ${round((rate * bytesIn * 8) / 1e6)} Mbit/s at the server`
}
