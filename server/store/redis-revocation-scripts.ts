/**
 * Revocations in Redis. KEYS of both scripts: a hash with the `epoch`, which tells this database from any other, and the
 * `number` given last; a sorted set of what is revoked (`kind:value`) by number; a hash of `<before>:<until>`; a sorted set by
 * the end. All of them end with their last entry, and the first for whoever asks after that is another epoch.
 *
 * A number is the time at which it was given, in microseconds, or one more than the last. So a Redis that comes back without
 * its latest entries does not give their numbers to others, which who had asked before would never hear of.
 */
const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local state, log, entries, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function int(number) return string.format('%.0f', number) end
local function number() return tonumber(redis.call('HGET', state, 'number') or '0') end
local function readEntry(text)
  local before, untilTime = string.match(text or '', '^(%d+):(%d+)$')
  return tonumber(before), tonumber(untilTime)
end
local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, int(milliseconds)) end
end
local function epoch(new)
  local known = redis.call('HGET', state, 'epoch')
  if known then return known end
  redis.call('HSET', state, 'epoch', new)
  keep(state, 86400000)
  return new
end
`

/** ARGV: an epoch if there is none, then of each entry: kind:value, before, until. */
const revoke = `${clock}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 16 + #ARGV)) do
  redis.call('ZREM', log, key)
  redis.call('HDEL', entries, key)
  redis.call('ZREM', ends, key)
end
epoch(ARGV[2])
local last, latest = number(), now + 1
for i = 3, #ARGV, 3 do
  local key, before, untilTime = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local beforeKnown, untilKnown = readEntry(redis.call('HGET', entries, key))
  if untilKnown and untilKnown > now then
    before, untilTime = math.max(before, beforeKnown), math.max(untilTime, untilKnown)
  end
  last = math.max(last + 1, time[1] * 1000000 + time[2] + ARGV[1] * 1000)
  latest = math.max(latest, untilTime)
  redis.call('HSET', entries, key, int(before) .. ':' .. int(untilTime))
  redis.call('ZADD', log, int(last), key)
  redis.call('ZADD', ends, int(untilTime), key)
end
redis.call('HSET', state, 'number', int(last))
for _, key in ipairs(KEYS) do keep(key, latest - now) end
return 'revoked'
`

/**
 * ARGV: an epoch if there is none, the epoch and the number of the asker's cursor, how many entries at most.
 *
 * @returns the epoch, the number to ask with the next time, 1 if there is more, then kind:value and before:until of each entry
 */
const revoked = `${clock}
local most, last = tonumber(ARGV[5]), number()
local news = { epoch(ARGV[2]), '', 0 }
local from = tonumber(ARGV[4])
if news[1] ~= ARGV[3] or from > last then from = 0 end
local found = redis.call('ZRANGEBYSCORE', log, '(' .. int(from), '+inf', 'LIMIT', 0, most)
if #found > 0 then
  for i, text in ipairs(redis.call('HMGET', entries, unpack(found))) do
    local _, untilTime = readEntry(text)
    if untilTime and untilTime > now then
      news[#news + 1] = found[i]
      news[#news + 1] = text
    end
  end
end
if #found == most then
  last, news[3] = tonumber(redis.call('ZSCORE', log, found[most])), 1
end
news[2] = int(last)
return news
`

export const revocationScripts = { revoke, revoked }
