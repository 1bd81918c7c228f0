/**
 * Runs before the tests: looks for the programs they start (a browser, nginx, redis, ffmpeg), installs Debian's
 * packages where it may (root and apt-get), and says what is missing where it may not.
 *
 *     node test/stage/ensure-tools.mjs
 *
 * Exit status 0: all there, or some missing on a developer's machine, where the tests that need them are
 * skipped by name. 1: some missing with CI=true. No service is started.
 */
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { findTool, isContinuousIntegration, tools } from './find-tool.mjs'

const missingTools = () => Object.keys(tools).filter((name) => findTool(name) === undefined)

/** @param {string[]} names */
const packagesOf = (names) => [...new Set(names.flatMap((name) => tools[name].packages))]

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`)

/** @param {string[]} words */
function runApt(words) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = spawnSync('apt-get', ['-qq', ...words], { env, stdio: ['ignore', 2, 2] })
  return run.error === undefined && run.status === 0
}

/**
 * Debian starts a daemon when its package is installed, unless this file forbids it for the time being. The
 * tests start their own, on ports of their own.
 */
const policy = '/usr/sbin/policy-rc.d'

/** @returns {boolean} was there no such file, so that it is ours to remove? */
function forbidServices() {
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 })
    return true
  } catch {
    return false
  }
}

/** @param {string[]} packages */
function install(packages) {
  say(`installing ${packages.join(', ')}`)
  const ours = forbidServices()
  try {
    // A stale list of packages is no obstacle where the packages are known already.
    runApt(['update'])
    runApt(['install', '-y', '--no-install-recommends', ...packages])
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

function main() {
  const before = missingTools()
  if (before.length === 0) return 0
  const mayInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  // The fonts are for the browser's pages, and for drawing the sample stream again.
  if (mayInstall) install([...packagesOf(before), 'fonts-dejavu-core'])
  const after = missingTools()
  if (after.length === 0) return 0
  const remedy = `apt-get install --no-install-recommends ${packagesOf(after).join(' ')}`
  say(`missing: ${after.join(', ')}. The tests that need them cannot run. On Debian: ${remedy}`)
  if (after.includes('chromium')) say('a browser elsewhere is used when CHROMIUM_PATH names it')
  return isContinuousIntegration() ? 1 : 0
}

process.exitCode = main()
