import { indexScripts } from './redis-index-scripts.ts'
import { revocationScripts } from './redis-revocation-scripts.ts'
import { sessionScripts } from './redis-session-scripts.ts'
import { tokenScripts } from './redis-token-scripts.ts'

/**
 * What Redis does without another command coming in between. Each script touches keys of one slot, which it is given as
 * `KEYS`, and, `spend` and `isSpent` apart, takes first what is to be added to Redis' own clock, in milliseconds. What needs memory is
 * written before anything that it replaces is taken away: a Redis that is full refuses the first such write, and all is as it
 * was.
 */

/** `answerFor` of `marker.ts`. */
const marker = `
local function answerFor(stored, grace, binding)
  local keptFor, graceFor, spentBy = string.match(stored, '^(%d+):(%d+):(.*)$')
  local left = redis.call('PTTL', KEYS[1])
  if not keptFor or left < 0 or spentBy ~= binding then return 'spent' end
  if keptFor - left >= math.min(tonumber(graceFor), tonumber(grace)) then return 'spent' end
  return 'repeat'
end
`

/** One key, one decision. */
const spend = `${marker}
local keep, grace, binding = ARGV[1], ARGV[2], ARGV[3]
local stored = redis.call('GET', KEYS[1])
if not stored then
  redis.call('SET', KEYS[1], keep .. ':' .. grace .. ':' .. binding, 'NX', 'PX', keep)
  return 'first'
end
local answer = answerFor(stored, grace, binding)
if answer == 'repeat' and ARGV[4] == '1' then redis.call('SET', KEYS[1], stored, 'KEEPTTL') end
return answer
`

/** What `spend` would answer, without doing it. ARGV: grace, binding. */
const isSpent = `${marker}
local stored = redis.call('GET', KEYS[1])
if not stored then return 'first' end
return answerFor(stored, ARGV[1], ARGV[2])
`

/**
 * `claimPlace` of `places.ts` for some claims of one subject, in their order. KEYS: a hash of session id to
 * `<1 if ended, else 0><seen>:<idle milliseconds>:<device>`; what has another form is taken away. ARGV: what an ended one is kept
 * for, how many of them, then of each claim: session, device, idle milliseconds, max, `end-oldest` or `deny`, 1 if new.
 *
 * Texts are compared byte by byte: `<` of Lua follows the locale that Redis was started in. Writes nothing: what is `touched` is to be
 * written.
 */
const judgeClaims = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local keepEnded, mostEnded = tonumber(ARGV[2]), tonumber(ARGV[3])

local places, touched = {}, {}
local function put(place)
  places[place.id], touched[place.id] = place, true
end
local function drop(id)
  places[id], touched[id] = nil, true
end
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local id = stored[i]
  local ended, seen, idle, device = string.match(stored[i + 1], '^([01])(%d+):(%d+):(.*)$')
  if ended then
    places[id] = { id = id, seen = tonumber(seen), idle = tonumber(idle), device = device, ended = ended == '1' }
  else
    drop(id)
  end
end

local function isBefore(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a < b end
  end
  return #one < #other
end
local function byId(one, other) return isBefore(one.id, other.id) end
local function bySeen(one, other)
  if one.seen ~= other.seen then return one.seen < other.seen end
  return byId(one, other)
end
local function chosen(from, isWanted)
  local list = {}
  for _, place in pairs(from) do
    if isWanted(place) then list[#list + 1] = place end
  end
  return list
end
local function first(list, comes)
  local best
  for _, place in ipairs(list) do
    if not best or comes(place, best) then best = place end
  end
  return best
end

local function forget()
  local ended = {}
  for id, place in pairs(places) do
    if place.seen + (place.ended and keepEnded or place.idle) <= now then
      drop(id)
    elseif place.ended then
      ended[#ended + 1] = place
    end
  end
  table.sort(ended, bySeen)
  for i = 1, #ended - mostEnded do drop(ended[i].id) end
end

local function claim(session, device, idle, max, endsOldest, isNew)
  forget()
  local known = places[session]
  if known and known.ended then return { 'ended' } end
  local counted = chosen(places, function(place) return not place.ended and place.id ~= session end)
  local outcome = { 'counted' }
  while not known and #counted >= max do
    if not isNew and endsOldest then return { 'ended' } end
    local victim
    if isNew then
      victim = first(chosen(counted, function(place) return place.device == device end), bySeen)
      if not victim and endsOldest then victim = first(counted, byId) end
    end
    if not victim or (not endsOldest and #counted > max) then
      table.sort(counted, byId)
      local others = { 'full' }
      for i, place in ipairs(counted) do others[i + 1] = place.id end
      return others
    end
    counted = chosen(counted, function(place) return place ~= victim end)
    if endsOldest then
      put({ id = victim.id, seen = now, idle = victim.idle, device = victim.device, ended = true })
      outcome[#outcome + 1] = victim.id
    else
      drop(victim.id)
    end
  end
  put({ id = session, seen = now, idle = idle, device = device, ended = false })
  return outcome
end

local outcomes, keep = {}, keepEnded
for i = 4, #ARGV, 6 do
  local idle = tonumber(ARGV[i + 2])
  keep = math.max(keep, idle)
  outcomes[#outcomes + 1] =
    claim(ARGV[i], ARGV[i + 1], idle, tonumber(ARGV[i + 3]), ARGV[i + 4] == 'end-oldest', ARGV[i + 5] == '1')
end
`

/** Judges claims, and writes down what they change. */
const claim = `${judgeClaims}
for id in pairs(touched) do
  local place = places[id]
  if place then
    local mark = string.format('%s%.0f:%.0f:', place.ended and '1' or '0', place.seen, place.idle)
    redis.call('HSET', KEYS[1], id, mark .. place.device)
  end
end
for id in pairs(touched) do
  if not places[id] then redis.call('HDEL', KEYS[1], id) end
end
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], math.ceil(2 * keep)) end
return outcomes
`

/** What `claim` would answer, without doing it. */
const peekPlace = `${judgeClaims}
return outcomes
`

/** KEYS: as `claim`. ARGV: the session. One that was ended stays, to be told so. */
const leave = `
local stored = redis.call('HGET', KEYS[1], ARGV[2])
if stored and string.sub(stored, 1, 1) == '0' then redis.call('HDEL', KEYS[1], ARGV[2]) end
return 'left'
`

const scripts = {
  spend,
  isSpent,
  claim,
  peekPlace,
  leave,
  ...indexScripts,
  ...sessionScripts,
  ...revocationScripts,
  ...tokenScripts,
}

export type ScriptName = keyof typeof scripts
export const redisScripts: Readonly<Record<ScriptName, string>> = scripts
