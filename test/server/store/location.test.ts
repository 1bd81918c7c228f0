import { describe, expect, it } from 'vitest'
import { createStore } from '../../../server/store/create-store.ts'
import { parseStoreLocation } from '../../../server/store/location.ts'
import { OptionError } from '../../../shared/codes.ts'

const plain = {
  kind: 'redis',
  hosts: [{ host: 'cache', port: 6379 }],
  tls: null,
  username: null,
  password: null,
  database: 0,
  master: '',
  sentinelUsername: null,
  sentinelPassword: null,
  prefix: 'playgate',
  wait: 0,
  waitMs: 100,
}

describe('the location of a store', () => {
  it.each([
    ['memory:', { kind: 'memory' }],
    ['lmdb:/var/lib/playgate', { kind: 'lmdb', directory: '/var/lib/playgate' }],
    ['lmdb:./state', { kind: 'lmdb', directory: '/etc/playgate/state' }],
    ['redis://cache', plain],
    ['redis://cache/', plain],
    ['redis://cache:6380/3', { ...plain, hosts: [{ host: 'cache', port: 6380 }], database: 3 }],
    ['redis://[::1]:7', { ...plain, hosts: [{ host: '::1', port: 7 }] }],
    ['redis://u:p%40s@cache', { ...plain, username: 'u', password: 'p@s' }],
    ['redis://:p:q@cache', { ...plain, password: 'p:q' }],
    ['rediss://cache', { ...plain, tls: { caFile: null } }],
    ['rediss://cache?ca=ca.pem', { ...plain, tls: { caFile: '/etc/playgate/ca.pem' } }],
    ['redis://cache?wait=2&waitMs=50', { ...plain, wait: 2, waitMs: 50 }],
    ['redis://cache?prefix=site:a', { ...plain, prefix: 'site:a' }],
    [
      'redis+sentinel://a,b:1/main/2?sentinelPassword=s',
      {
        ...plain,
        kind: 'sentinel',
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 1 },
        ],
        master: 'main',
        database: 2,
        sentinelPassword: 's',
      },
    ],
    [
      'rediss+cluster://a,b:7000',
      {
        ...plain,
        kind: 'cluster',
        tls: { caFile: null },
        hosts: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7000 },
        ],
      },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseStoreLocation(text, '/etc/playgate')).toEqual(expected)
  })

  it.each([
    ['', /must be memory:/],
    ['memory', /must be memory:/],
    ['Memory:', /must be memory:/],
    ['memory:x', /must be memory:/],
    ['http://cache', /must be memory:/],
    ['lmdb:', /no directory/],
    ['lmdb:a\0b', /no possible directory/],
    ['redis://', /HOST/],
    ['redis://cache:0', /HOST/],
    ['redis://cache:65536', /HOST/],
    ['redis://a,b', /several hosts/],
    ['redis://cache/x', /database/],
    ['redis://cache/1/2', /nothing more/],
    ['redis://u:secret/word@cache', /not a Redis URL|HOST/],
    ['redis://:secret%zz@cache', /password is not properly/],
    ['redis://cache?retries=3', /no parameter retries/],
    ['redis://cache?wait=1&wait=2', /more than once/],
    ['redis://cache?wait=many', /whole number/],
    ['redis://cache?prefix=a%20b', /prefix must be/],
    ['redis://cache?ca=x', /needs rediss/],
    ['redis+sentinel://a', /MASTER/],
    ['redis+sentinel://a/main/0/1', /MASTER/],
    ['redis+cluster://a/1', /no databases/],
    ['redis+cluster://a?wait=1', /cluster/],
    ['redis+file://a', /must be memory:/],
  ])('refuses %j and says why, without a password', (text, message) => {
    const attempt = () => parseStoreLocation(text, '/')
    expect(attempt).toThrow(OptionError)
    expect(attempt).toThrow(message)
    expect(attempt).not.toThrow(/secret/)
  })

  it.each([
    ['rediss://127.0.0.1:1?ca=./none.pem', /ca: .*none\.pem/],
    ['redis://127.0.0.1:1?wait=1&waitMs=1000', /waitMs must be less than the 1000 ms/],
  ])('opens no store for %s', (text, message) => {
    const attempt = () => createStore(text, { now: () => 0, baseDirectory: import.meta.dirname })
    expect(attempt).toThrow(OptionError)
    expect(attempt).toThrow(message)
  })
})
