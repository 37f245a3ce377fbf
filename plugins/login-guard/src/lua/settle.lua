-- What became of an attempt that was charged. KEYS and the first 13 of ARGV as of the attempt; then how long the first lock
-- lasts, `f` for a failure, `s` for a success, `r` for neither, whether the user was charged, how many milliseconds a success
-- is remembered, the nonce. Returns how many locks began, and whether the pair succeeded for the first time.
local named, longest, first, outcome = #KEYS > 1, tonumber(ARGV[13]), tonumber(ARGV[14]), ARGV[15]
local last = named and (ARGV[16] == '1' and 3 or 2) or 1
local mark = tonumber(ARGV[17])
local locked, new = 0, 0

-- When a lock ends and how many there were; zeros where it is long over, or the clock stepped back.
local function read(key)
  local ends, times = string.match(redis.call('GET', key) or '', '^(%d+):(%d+):%d+$')
  ends, times = tonumber(ends) or 0, tonumber(times) or 0
  if ends + longest <= now or ends > now + longest then return 0, 0 end
  return ends, times
end

-- Twice as long as the last one.
local function lock(key)
  local ends, times = read(key)
  -- Of several failures at once the first is enough.
  if ends > now then return end
  times = min(times + 1, 32)
  ends = now + min(first * 2 ^ (times - 1), longest)
  local lasts = ceil((ends - now + longest) / 1000) + spare
  redis.call('SET', key, string.format('%.0f:%.0f:0', ends, times), 'PX', lasts)
  locked = locked + 1
end

if outcome == 'f' then
  for i = 2, last do
    if open(KEYS[i], 4 * i - 3).room() < 1 then lock(KEYS[i + 3]) end
  end
else
  for i = 1, last do
    local m = open(KEYS[i], 4 * i - 3)
    if m.found then
      m.back(1)
      m.save()
    end
  end
  if outcome == 's' and named and mark > 0 then
    if not redis.call('GET', KEYS[4]) then new = 1 end
    redis.call('SET', KEYS[4], '1', 'PX', mark)
    if read(KEYS[5]) > 0 then redis.call('SET', KEYS[5], '0:0:0', 'PX', 1) end
  end
end
return { locked, new, ARGV[#ARGV] }
