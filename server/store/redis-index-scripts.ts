/**
 * Lists in Redis, and the records that stand in them; both end by themselves.
 *
 * An index is a sorted set of `<key><end>`, keys of one length and ends of one length, all with the score 0, and therefore in the
 * order of keys. A second set in the order of ends would double its memory. It is swept piece by piece instead: whoever adds to
 * it looks through some four times as many entries, in a block that chance chooses, so that ended ones stay few. As a whole it
 * ends with its last entry.
 *
 * A record is a text whose characters 17 to 31 tell its end.
 *
 * A script that reads indexes begins with `clock`, and with what tells `endOf` and `keyOf` of the entries in its kind of index.
 */

/** Length of each number in records. */
export const numberLength = 15

export const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
`

/** Ends of fifteen digits. */
export const sessionEntry = `
local function endOf(member) return tonumber(string.sub(member, -15)) end
local function keyOf(member) return string.sub(member, 1, -16) end
`

/**
 * Ends of ten digits in base 36, so that an entry has 63 characters: a set that has one of more than 64 takes five times the
 * memory where it is small, and most names have few tokens. In two halves, for in another base Lua reads no more than 32 bits where
 * its machine has no more.
 */
export const tokenEntry = `
local function endOf(member)
  return tonumber(string.sub(member, -10, -6), 36) * 36 ^ 5 + tonumber(string.sub(member, -5), 36)
end
local function keyOf(member) return string.sub(member, 1, -11) end
`

export const index = `
local function keep(key, ends)
  local left = ends - now
  if redis.call('PTTL', key) < left then redis.call('PEXPIRE', key, string.format('%.0f', left)) end
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
 * The last of an index. KEYS: the index. ARGV: the key they come before, or ''; how many at most; how many entries to look at,
 * at most.
 *
 * @returns where it stopped looking, '' at the end; then keys, among them perhaps that one
 */
const page = `
local most, left = tonumber(ARGV[3]), tonumber(ARGV[4])
local page, from = { '' }, ARGV[2] == '' and '+' or '(' .. ARGV[2]
while true do
  local members = redis.call('ZREVRANGEBYLEX', KEYS[1], from, '-', 'LIMIT', 0, most)
  for _, member in ipairs(members) do
    local key = keyOf(member)
    if endOf(member) > now then page[#page + 1] = key end
    page[1] = key
    if #page > most then return page end
  end
  if #members < most then page[1] = '' end
  left = left - #members
  if #members < most or left <= 0 then return page end
  from = '(' .. page[1]
end
`

/** KEYS: records of one slot. @returns a text each, or nothing */
const records = `${clock}
local records = redis.call('MGET', unpack(KEYS))
for i, text in ipairs(records) do
  if text and (tonumber(string.sub(text, 17, 31)) or 0) <= now then records[i] = false end
end
return records
`

export const indexScripts = {
  sessionPage: clock + sessionEntry + page,
  tokenPage: clock + tokenEntry + page,
  records,
}

export type PageScript = 'sessionPage' | 'tokenPage'
