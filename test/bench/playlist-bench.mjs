import assert from 'node:assert/strict'
import HLS from 'hls-parser'
import { compilePlaylist } from '../../dist/server/playlist/index.js'
import { edgeauth } from '../../dist/server/token/index.js'
import {
  hugePlaylist,
  keyHex,
  mediaPath,
  parameter,
  sessionFields,
  usualPlaylist,
} from './material.mjs'
import { measureFunctions } from './measure.mjs'
import { rewriteNaively } from './naive.mjs'
import { tableOf } from './report.mjs'

const options = { base: `http://127.0.0.1${mediaPath}`, parameter, mode: 'query' }

/** A media playlist rewritten for one session after another. */
export function benchPlaylists(effort) {
  return [
    benchPlaylist('playlist', usualPlaylist, effort, [3, 8, 100]),
    benchPlaylist('playlist-1mb', hugePlaylist, effort, [3, 10, 100]),
  ]
}

function benchPlaylist(id, playlist, effort, [overNaive, overParser, mostRenders]) {
  const tokens = Array.from({ length: 4 }, () =>
    edgeauth.mint({ ...sessionFields(Math.floor(Date.now() / 1000) + 7200), key: keyHex }),
  )
  const compiled = compilePlaylist(playlist, options)
  const result = compiled.render(tokens[0])
  checkResults(playlist, tokens[0], result)

  const contenders = [
    {
      name: 'naive: split lines, regex',
      run: (index) => rewriteNaively(playlist, parameter, tokens[index % 4]),
    },
    {
      name: 'hls-parser: parse, edit, stringify',
      run: (index) => rewriteWithParser(playlist, tokens[index % 4]),
    },
    { name: 'Playgate: compiled.render', run: (index) => compiled.render(tokens[index % 4]) },
    { name: 'Playgate: compile, once a version', run: () => compilePlaylist(playlist, options) },
    { name: 'limit: copy the result', run: () => result.slice() },
  ]
  const [naive, parser, render, compile, limit] = contenders.map(({ name }) => name)
  return tableOf({
    id,
    title: `${kilobytes(playlist)} media playlist, ${compiled.uriCount} URIs -> ${kilobytes(result)}`,
    unit: 'µs CPU',
    better: 'less',
    samples: measureFunctions(contenders, effort),
    slack: effort.slack,
    peer: naive,
    limit,
    expectations: [
      { what: `${id}: render against split and regex`, of: render, to: naive, atLeast: overNaive },
      { what: `${id}: render against hls-parser`, of: render, to: parser, atLeast: overParser },
      { what: `${id}: compiling, in renders`, of: render, to: compile, atMost: mostRenders },
    ],
  })
}

function rewriteWithParser(playlist, token) {
  const parsed = HLS.parse(Buffer.from(playlist).toString())
  const place = (uri) => `${uri}${uri.includes('?') ? '&' : '?'}${parameter}=${token}`
  let map = null
  for (const segment of parsed.segments) {
    segment.uri = place(segment.uri)
    // Segments share the object of their init section.
    if (segment.map !== null && segment.map !== map) segment.map.uri = place(segment.map.uri)
    map = segment.map
  }
  return Buffer.from(HLS.stringify(parsed))
}

/** All three must do the same work, or comparing them says nothing. */
function checkResults(playlist, token, result) {
  const urisOf = (bytes) =>
    Buffer.from(bytes)
      .toString()
      .match(/^[^#\n].*|(?<=URI=")[^"]*/gm)
  assert.deepEqual(rewriteNaively(playlist, parameter, token), Buffer.from(result))
  assert.deepEqual(urisOf(rewriteWithParser(playlist, token)), urisOf(result))
  assert.ok(urisOf(result).every((uri) => uri.endsWith(`?${parameter}=${token}`)))
}

function kilobytes({ length }) {
  return length < 1e6 ? `${Math.round(length / 1e3)} KB` : `${(length / 1e6).toFixed(1)} MB`
}
