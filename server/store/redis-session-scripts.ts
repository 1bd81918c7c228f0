/**
 * Sessions in Redis, in two forms, both of which end by themselves.
 *
 * A record is a text: `-` if it has no subject, `1` if its subject's index has it with its end, else `0`; three numbers of
 * fifteen digits, when it was last seen, when it ends, its requests; and what never changes. So one request more is a few
 * bytes written over others.
 *
 * An index is a sorted set of `<id><end>`, of 40 and 15 digits, all with the score 0, and therefore in the order of ids. A
 * second set in the order of ends would double its memory. It is swept piece by piece instead: whoever adds to it looks
 * through some four times as many entries, in a block that chance chooses, so that ended ones stay few. As a whole it ends
 * with its last session.
 */

/** Length of each number of a record. */
export const numberLength = 15
/** Length of what stands before the part of a record that never changes. */
export const headLength = 1 + 3 * numberLength

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local function endOf(member) return tonumber(string.sub(member, 41)) end
`

const head = `
local function readHead(record)
  local text = redis.call('GETRANGE', record, 0, 45)
  if #text < 46 then return end
  return string.sub(text, 1, 1), string.sub(text, 2, 16), string.sub(text, 17, 31), string.sub(text, 32)
end
`

const index = `
local function keep(key, ends)
  local left = tonumber(ends) - now
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, string.format('%.0f', left)) end
end
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
local function sweep(index, most)
  local size = redis.call('ZCARD', index)
  if size == 0 then return end
  local first = time[2] % math.ceil(size / most) * most
  for _, member in ipairs(redis.call('ZRANGE', index, first, first + most - 1)) do
    if endOf(member) <= now then redis.call('ZREM', index, member) end
  end
end
`

/**
 * News of the sessions of one shard. KEYS: its index, then a record each. ARGV: of each session when it was seen, its end, its
 * requests, `0` if it has a subject, else `-`, and what never changes.
 *
 * @returns of each that its subject's index does not have with this end: its place among those told, its end, and what
 * never changes, where that was told otherwise, else ''
 */
const note = `${clock}${head}${index}
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
const list = `${clock}${index}
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

/**
 * The latest opened of an index. KEYS: the index. ARGV: the id they come after, or ''; how many at most; how many entries to
 * look at, at most.
 *
 * @returns where it stopped looking, '' at the end; then ids, among them perhaps that one
 */
const page = `${clock}
local most, left = tonumber(ARGV[3]), tonumber(ARGV[4])
local page, from = { '' }, ARGV[2] == '' and '+' or '(' .. ARGV[2]
while true do
  local members = redis.call('ZREVRANGEBYLEX', KEYS[1], from, '-', 'LIMIT', 0, most)
  for _, member in ipairs(members) do
    if endOf(member) > now then page[#page + 1] = string.sub(member, 1, 40) end
    page[1] = string.sub(member, 1, 40)
    if #page > most then return page end
  end
  if #members < most then page[1] = '' end
  left = left - #members
  if #members < most or left <= 0 then return page end
  from = '(' .. page[1]
end
`

/** Records of one shard. KEYS: the records. @returns a text each, or nothing */
const records = `${clock}
local records = redis.call('MGET', unpack(KEYS))
for i, text in ipairs(records) do
  if text and (tonumber(string.sub(text, 17, 31)) or 0) <= now then records[i] = false end
end
return records
`

export const sessionScripts = { note, list, listed, page, records }
