import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** The programs that tests run, each with the names it goes by and the Debian packages that bring it. */
export const tools = {
  chromium: {
    names: ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser'],
    variable: 'CHROMIUM_PATH',
    packages: ['chromium'],
  },
  nginx: { names: ['nginx'], packages: ['nginx'] },
  caddy: { names: ['caddy'], packages: ['caddy'] },
  'redis-server': { names: ['redis-server'], packages: ['redis-server'] },
  ffmpeg: { names: ['ffmpeg'], packages: ['ffmpeg'] },
  ffprobe: { names: ['ffprobe'], packages: ['ffmpeg'] },
}

/** Daemons live there, and an ordinary user's PATH often leaves it out. */
const moreFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/**
 * Where a tool is; a path in the tool's environment variable goes first.
 *
 * @param {keyof typeof tools} name
 * @returns {string | undefined} an absolute path
 */
export function findTool(name) {
  const { names, variable } = tools[name]
  const chosen = variable === undefined ? undefined : process.env[variable]
  if (chosen) return isAbsolute(chosen) && isProgram(chosen) ? chosen : undefined
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...moreFolders].filter(isAbsolute)
  return names.flatMap((file) => folders.map((folder) => join(folder, file))).find(isProgram)
}

/** Is this a run whose result counts, so that nothing may be left out? */
export function isContinuousIntegration() {
  return !['', '0', 'false'].includes(process.env.CI ?? '')
}
