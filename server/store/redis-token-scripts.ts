import { clock, index, numberLength, tokenEntry } from './redis-index-scripts.ts'

/**
 * Tokens in Redis, spread over sixteen shards. All that there is of a token is in one slot: its record, and the indexes of its
 * shard in which it stands, so that each script does all or nothing.
 *
 * A record is a text: `m` or `t` for its kind; two numbers of fifteen digits, when it was last used (`-` throughout, if never)
 * and when it ends, which for what never does is the highest there is; and what never changes. An index has places (`placeOf`) for
 * keys; what it is, is told in `redis-index-scripts.ts`.
 *
 * What ended in an index is swept by whoever adds to it or takes from it. If nobody does any more it stays for as long as the
 * last token of that index lives: no more than were alive at a time.
 */

/** Length of what stands before the end in a record. */
export const usedLength = 1 + numberLength

/**
 * KEYS: a record, then the indexes. ARGV: the end, the record, the entry in the indexes. These come first: what is listed can be
 * revoked.
 */
const addToken = `${clock}${tokenEntry}${index}
local ends, text, entry = tonumber(ARGV[2]), ARGV[3], ARGV[4]
if ends <= now or redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], 0, entry)
  keep(KEYS[i], ends)
  sweep(KEYS[i], 12)
end
redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', ends - now))
return 'added'
`

/**
 * Tokens of one shard. KEYS: of each its record, then its indexes. ARGV: of each its record from the end on, its entry, how many
 * indexes there are. One that is another by now, which was added after it was removed, stays.
 *
 * @returns how many there were
 */
const removeTokens = `${clock}${tokenEntry}${index}
local removed, at = 0, 1
for i = 2, #ARGV, 3 do
  local last = at + ARGV[i + 2]
  if redis.call('GETRANGE', KEYS[at], ${usedLength}, -1) == ARGV[i] then
    redis.call('DEL', KEYS[at])
    for j = at + 1, last do
      redis.call('ZREM', KEYS[j], ARGV[i + 1])
      sweep(KEYS[j], 4)
    end
    removed = removed + 1
  end
  at = last + 1
end
return removed
`

/** Tokens of one shard. KEYS: their records. ARGV: when each was used. */
const useTokens = `
for i, record in ipairs(KEYS) do
  local used = redis.call('GETRANGE', record, 1, ${numberLength})
  if #used == ${numberLength} and (tonumber(used) or -1) < tonumber(ARGV[i + 1]) then
    redis.call('SETRANGE', record, 1, ARGV[i + 1])
  end
end
return 'used'
`

export const tokenScripts = { addToken, removeTokens, useTokens }
