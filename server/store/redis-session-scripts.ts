import { clock, index, numberLength, sessionEntry } from './redis-index-scripts.ts'

/**
 * Sessions in Redis, in two forms, both of which end by themselves.
 *
 * A record is a text: `-` if it has no subject, `1` if its subject's index has it with its end, else `0`; three numbers of
 * fifteen digits, when it was last seen, when it ends, its requests; and what never changes. So one request more is a few
 * bytes written over others.
 *
 * An index has ids of 40 digits for keys, and ends of 15; what it is, is told in `redis-index-scripts.ts`.
 */

/** Length of what stands before the part of a record that never changes. */
export const headLength = 1 + 3 * numberLength

const head = `
local function readHead(record)
  local text = redis.call('GETRANGE', record, 0, 45)
  if #text < 46 then return end
  return string.sub(text, 1, 1), string.sub(text, 2, 16), string.sub(text, 17, 31), string.sub(text, 32)
end
`

const listing = `${sessionEntry}${index}
local function put(index, id, ends)
  if tonumber(ends) <= now then return end
  local known = redis.call('ZRANGEBYLEX', index, '[' .. id, '(' .. id .. ':')
  for _, member in ipairs(known) do
    if endOf(member) >= tonumber(ends) then return end
  end
  redis.call('ZADD', index, 0, id .. ends)
  for _, member in ipairs(known) do redis.call('ZREM', index, member) end
  keep(index, ends)
end
`

/**
 * News of the sessions of one shard. KEYS: its index, then a record each. ARGV: of each session when it was seen, its end, its
 * requests, `0` if it has a subject, else `-`, and what never changes.
 *
 * @returns of each that its subject's index does not have with this end: its place among those told, its end, and what
 * never changes, where that was told otherwise, else ''
 */
const note = `${clock}${head}${listing}
local unlisted, added = {}, 0
for i = 2, #KEYS do
  local record, at = KEYS[i], 5 * i - 8
  local id, seen, ends, requests = string.sub(record, -40), ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local listed, told = ARGV[at + 3], ARGV[at + 4]
  local kept = told
  local wasListed, seenBefore, endsBefore, requestsBefore = readHead(record)
  if wasListed and tonumber(endsBefore) > now then
    listed = wasListed
    if tonumber(seenBefore) > tonumber(seen) then seen = seenBefore end
    requests = string.format('%015.0f', math.min(requests + requestsBefore, 999999999999999))
    local isLonger = tonumber(ends) > tonumber(endsBefore)
    if not isLonger then ends = endsBefore end
    if isLonger then
      if listed == '1' then listed = '0' end
      put(KEYS[1], id, ends)
      added = added + 1
    end
    redis.call('SETRANGE', record, 0, listed .. seen .. ends .. requests)
    if isLonger then keep(record, ends) end
    if listed == '0' then kept = redis.call('GETRANGE', record, 46, -1) end
  elseif tonumber(ends) > now then
    local left = string.format('%.0f', ends - now)
    redis.call('SET', record, listed .. seen .. ends .. requests .. told, 'PX', left)
    put(KEYS[1], id, ends)
    added = added + 1
  else
    listed = '-'
  end
  if listed == '0' then
    unlisted[#unlisted + 1] = i - 2
    unlisted[#unlisted + 1] = ends
    unlisted[#unlisted + 1] = kept == told and '' or kept
  end
end
sweep(KEYS[1], 8 + 4 * added + math.floor(#KEYS / 8))
return unlisted
`

/** Sessions of one subject. KEYS: its index. ARGV: id and end of each. */
const list = `${clock}${listing}
for i = 2, #ARGV, 2 do put(KEYS[1], ARGV[i], ARGV[i + 1]) end
sweep(KEYS[1], 8 + 2 * #ARGV)
return 'listed'
`

/** Sessions of one shard are in the index of their subject. KEYS: their records. ARGV: the ends they have there. */
const listed = `${head}
for i, record in ipairs(KEYS) do
  local listed, _, ends = readHead(record)
  if listed == '0' and ends == ARGV[i + 1] then redis.call('SETRANGE', record, 0, '1') end
end
return 'listed'
`

export const sessionScripts = { note, list, listed }
