import { median, medianRatio } from './measure.mjs'

/**
 * @typedef {object} Expectation
 * @property {string} what for the closing line
 * @property {string} of the contender that is judged
 * @property {string} to what it is compared with
 * @property {number} [atLeast] how many times as fast it must be
 * @property {number} [atMost] how many times as fast it may be
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {number} ratio how many times as fast as the peer
 * @property {number} ratioToLimit how many times as fast as the limit
 * @property {number} absolute of this machine, in the table's unit
 *
 * @typedef {object} Table
 * @property {string} id
 * @property {string} title
 * @property {string} unit of the absolute figures
 * @property {Row[]} rows
 * @property {{ what: string, ratio: number, bound: string, ok: boolean }[]} expectations
 */

/**
 * @param {object} given
 * @param {string} given.id
 * @param {string} given.title
 * @param {string} given.unit
 * @param {'less' | 'more'} given.better which figures are the better ones
 * @param {Map<string, number[]>} given.samples one figure a round
 * @param {string} given.peer the contender that is 1.00 in the first column
 * @param {string} given.limit the contender that is 1.00 in the second column
 * @param {number} given.slack by how much every expectation is loosened; 1 is not at all
 * @param {Expectation[]} given.expectations
 * @returns {Table}
 */
export function tableOf({ id, title, unit, better, samples, peer, limit, slack, expectations }) {
  const speedup = (of, to) =>
    better === 'less'
      ? medianRatio(samples.get(to), samples.get(of))
      : medianRatio(samples.get(of), samples.get(to))
  return {
    id,
    title,
    unit,
    rows: [...samples].map(([name, figures]) => ({
      name,
      ratio: speedup(name, peer),
      ratioToLimit: speedup(name, limit),
      absolute: median(figures),
    })),
    expectations: expectations.map(({ what, of, to, atLeast, atMost }) => {
      const ratio = speedup(of, to)
      if (atLeast === undefined) {
        const most = atMost * slack
        return { what, ratio, bound: `at most ${figure(most)}x`, ok: ratio <= most }
      }
      const least = atLeast / slack
      return { what, ratio, bound: `at least ${figure(least)}x`, ok: ratio >= least }
    }),
  }
}

/** @param {Table} table */
export function formatTable({ title, unit, rows }) {
  const head = ['', 'x peer', 'x limit', `here, ${unit}`]
  const body = rows.map(({ name, ratio, ratioToLimit, absolute }) => [
    name,
    figure(ratio),
    figure(ratioToLimit),
    figure(absolute),
  ])
  const widths = head.map((_, column) =>
    Math.max(...[head, ...body].map((row) => row[column].length)),
  )
  const lines = [head, ...body].map((row) =>
    row.map((cell, column) => align(cell, widths[column], column)).join('  '),
  )
  return `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`
}

function align(cell, width, column) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

/** @param {Table} table */
export function formatExpectations({ expectations }) {
  return expectations
    .map(
      ({ what, ratio, bound, ok }) =>
        `${what}, ${bound}: ${figure(ratio)}x ${ok ? 'ok' : 'NOT MET'}\n`,
    )
    .join('')
}

/** Three significant digits, never an exponent. */
function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
