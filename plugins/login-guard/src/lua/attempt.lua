-- One attempt to log in: all buckets that apply are charged, or none. KEYS: the bucket of the address and, where a user is
-- named, of the pair and of the user, the mark of a pair that has succeeded, the locks of pair and user. ARGV: four for each of the
-- three buckets, how long a lock lasts at most, the nonce. Returns whether the pair has succeeded before, how long a lock
-- still lasts, how long each bucket has to wait; all times in microseconds. It passes where there is nothing to wait for.
local named, longest = #KEYS > 1, tonumber(ARGV[13])
local known = (named and redis.call('GET', KEYS[4])) and true or false

local function rest(key)
  local ends = string.match(redis.call('GET', key) or '', '^(%d+):%d+:%d+$')
  local left = (tonumber(ends) or 0) - now
  -- Longer than any lasts: the clock stepped back.
  if left <= 0 or left > longest then return 0 end
  return left
end

local lock = 0
if named then
  lock = rest(KEYS[5])
  if not known then lock = max(lock, rest(KEYS[6])) end
end
local meters, waits, fits = {}, { 0, 0, 0 }, lock == 0
for i = 1, named and (known and 2 or 3) or 1 do
  local m = open(KEYS[i], 4 * i - 3)
  meters[i] = m
  if m.room() < 1 then waits[i], fits = m.retry(1), false end
end
for _, m in ipairs(meters) do
  if fits then m.charge(1) end
  if fits or (lock == 0 and m.corrected) then m.save() end
end
return { known and 1 or 0, lock, waits[1], waits[2], waits[3], ARGV[#ARGV] }
