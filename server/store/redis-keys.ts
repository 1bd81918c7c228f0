import { createHash } from 'node:crypto'

/**
 * Names of keys. What stands in braces chooses the slot in a cluster: keys that one script touches have it in common.
 * Nothing of a viewer stands in them, unless as a digest.
 */
export class RedisKeys {
  readonly #prefix: string

  /** @param prefix in front of every key */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  spent(id: string): string {
    return `${this.#prefix}:spent:{${id}}`
  }

  /** @param id 40 hexadecimal digits */
  session(id: string): string {
    return `${this.#prefix}:{s${shardOf(id)}}:${id}`
  }

  /** Of the sessions of one shard. */
  shardIndex(shard: number): string {
    return `${this.#prefix}:{s${shard}}:index`
  }

  /** Of the sessions of one subject. */
  subjectIndex(subject: string): string {
    return `${this.#prefix}:of:{${createHash('sha256').update(subject).digest('base64url')}}`
  }

  token(id: string): string {
    return `${this.#prefix}:{t${tokenShardOf(id)}}:${id}`
  }

  /** Of the tokens of one scope, as far as they are in one shard. */
  tokenIndex(shard: number, scope: Buffer): string {
    return `${this.#prefix}:{t${shard}}:in:${scope.toString('base64url')}`
  }

  /** @param subject its digest */
  places(subject: string): string {
    return `${this.#prefix}:places:{${subject}}`
  }

  revocations(): readonly string[] {
    return ['state', 'log', 'entries', 'ends'].map(
      (part) => `${this.#prefix}:{revocations}:${part}`,
    )
  }
}

/** For ever: another number would lose the sessions and tokens that are kept. */
export const shards = 16

/** Of all digits of an id, so that it does not matter which of them vary. */
export function shardOf(id: string): number {
  let mixed = 0
  for (let at = 0; at < id.length; at += 8) mixed ^= Number.parseInt(id.slice(at, at + 8), 16)
  for (const half of [16, 8, 4]) mixed ^= mixed >>> half
  return mixed & (shards - 1)
}

/** Digests are alike in no part of theirs. */
export function tokenShardOf(id: string): number {
  return Buffer.from(id, 'base64url').readUInt8() & (shards - 1)
}
