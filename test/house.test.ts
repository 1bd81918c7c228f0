import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const top = join(import.meta.dirname, '..')

function filesBelow(folder: string): string[] {
  return readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('player/demo/'))
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(top, file), 'utf8')
  const found = source.matchAll(
    /^\s*(?:import|export)\b[^'"]*?\bfrom\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  )
  return [...found].map((match) => match[1] ?? match[2] ?? '')
}

/** Where an import leads, as a path from the top of the project, or the package's name. */
function target(file: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier
}

/** Each room, and the beginnings of what its files may import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'shared/': ['shared/'],
  'player/': ['player/', 'shared/', 'hls.js'],
  'server/playlist/': ['server/playlist/', 'shared/'],
  'server/token/': ['server/token/', 'server/claim/', 'shared/', 'node:crypto', 'ipaddr.js'],
  'server/claim/': ['server/claim/', 'shared/', 'ipaddr.js'],
  'server/geo/': [
    'server/geo/',
    'server/claim/',
    'server/origin/private-address.ts',
    'shared/',
    'node:fs',
    'maxmind',
    'lru-cache',
  ],
  'server/origin/': [
    'server/origin/',
    'server/playlist/',
    'shared/',
    'node:',
    'undici',
    'fzstd',
    'fresh',
    'range-parser',
    'mime-types',
    'lru-cache',
  ],
  'server/remote/': [
    'server/remote/',
    'server/origin/outbound.ts',
    'server/origin/outbound-error.ts',
    'server/origin/flights.ts',
    'server/token/remote-signature.ts',
    'shared/',
    'node:crypto',
    'lru-cache',
    'zod',
  ],
  'server/store/': ['server/store/', 'shared/', 'node:', 'lmdb', 'ioredis', 'lru-cache'],
  'server/session/': [
    'server/session/',
    'server/store/store.ts',
    'server/store/session-store.ts',
    'server/store/token-store.ts',
    'server/store/revocation-log.ts',
    'server/store/expiry-queue.ts',
    'server/token/',
    'server/claim/',
    'server/geo/',
    'server/options',
    'shared/',
    'node:crypto',
    'lru-cache',
  ],
  'server/authorize/': [
    'server/authorize/',
    'server/http/',
    'server/session/',
    'server/claim/',
    'server/options',
    'shared/',
    'koa',
    'zod',
  ],
  'server/admin/': [
    'server/admin/',
    'server/http/',
    'server/session/',
    'server/store/token-store.ts',
    'server/claim/',
    'server/options',
    'shared/',
    'node:',
    'koa',
    'zod',
  ],
}

/** Powers that live in one place each (style guide, section 2). */
const onlyIn: Readonly<Record<string, readonly string[]>> = {
  'timingSafeEqual(': ['server/token/mac.ts'],
  'createHmac(': ['server/token/mac.ts'],
  'createCipheriv(': ['server/token/seal.ts'],
  'createDecipheriv(': ['server/token/seal.ts'],
  'process.env': ['server/main.ts', 'server/cli/', 'server/options/'],
  'Date.now(': ['server/index.ts', 'server/cli/', 'server/main.ts', 'server/token/clock.ts'],
  "from 'undici'": ['server/origin/outbound.ts'],
  "from 'lmdb'": ['server/store/lmdb-file.ts'],
  "from 'ioredis'": ['server/store/redis.ts', 'server/store/redis-client.ts'],
  "from 'maxmind'": ['server/geo/'],
  '.spend(': ['server/store/', 'server/session/spend-access.ts'],
  "from 'pino'": ['server/http/log.ts'],
}

const sources = ['shared', 'server', 'player'].flatMap(filesBelow)

describe('the house', () => {
  it.each(Object.entries(mayImport))('%s imports only what it may', (room, allowed) => {
    const strays = sources
      .filter((file) => file.startsWith(room))
      .flatMap((file) =>
        importsOf(file).map((specifier) => ({ file, to: target(file, specifier) })),
      )
      .filter(({ to }) => !allowed.some((start) => to.startsWith(start)))
    expect(strays).toEqual([])
  })

  it('keeps player and server apart', () => {
    const crossing = sources.flatMap((file) =>
      importsOf(file)
        .map((specifier) => target(file, specifier))
        .filter(
          (to) =>
            (file.startsWith('player/') && to.startsWith('server/')) ||
            (file.startsWith('server/') && to.startsWith('player/')),
        )
        .map((to) => `${file} -> ${to}`),
    )
    expect(crossing).toEqual([])
  })

  // They stand upon the rooms that answer viewers, and none of those upon them.
  it.each(['server/admin/', 'server/authorize/'])(
    'lets nobody but the public door into %s',
    (room) => {
      const guests = sources
        .filter((file) => !file.startsWith(room))
        .filter((file) =>
          importsOf(file).some((specifier) => target(file, specifier).startsWith(room)),
        )
      expect(guests).toEqual(['server/index.ts'])
    },
  )

  it('takes hls.js as types only', () => {
    const values = sources.filter((file) =>
      /^import (?!type\b)[^'"]*from 'hls\.js'/m.test(readFileSync(join(top, file), 'utf8')),
    )
    expect(values).toEqual([])
  })

  it.each(Object.entries(onlyIn))('%s stands only where that power lives', (text, homes) => {
    const strays = sources
      .filter((file) => file.startsWith('server/') || file.startsWith('shared/'))
      .filter((file) => readFileSync(join(top, file), 'utf8').includes(text))
      .filter((file) => !homes.some((home) => file.startsWith(home)))
    expect(strays).toEqual([])
  })

  it('keeps shared and the playlist room free of Node', () => {
    const strays = sources
      .filter((file) => file.startsWith('shared/') || file.startsWith('server/playlist/'))
      .filter((file) =>
        /\bBuffer\b|\bprocess\.|\brequire\(/.test(readFileSync(join(top, file), 'utf8')),
      )
    expect(strays).toEqual([])
  })

  // Each further one is a reasoned commit of its own (threats T110).
  it('depends at run time on these packages and no others', () => {
    const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
      readFileSync(join(top, 'package.json'), 'utf8'),
    )
    expect(Object.keys(dependencies)).toEqual([
      '@koa/router',
      '@types/koa',
      'cookie',
      'fresh',
      'fzstd',
      'ioredis',
      'ipaddr.js',
      'koa',
      'lmdb',
      'lru-cache',
      'maxmind',
      'mime-types',
      'pino',
      'prom-client',
      'range-parser',
      'undici',
      'yaml',
      'zod',
    ])
    expect(peerDependencies).toEqual({ 'hls.js': '>=1.4 <2' })
    expect(peerDependenciesMeta).toEqual({ 'hls.js': { optional: true } })
  })
})
