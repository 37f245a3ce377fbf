-- The four algorithms, number for number as in src/algorithm. All numbers are integers of at most 2^53, where doubles are
-- exact; quotients of such are exact once rounded down or up.
--
-- A record is three numbers. What is none, or beyond 2^53, reads as new.
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

-- GCRA. The bucket holds `brim`, a request weighs `weight`, `drain` flows off in a microsecond.
-- Record: when it is empty again, and a fraction of `drain`.
local function token_bucket(brim, weight, drain, at, fraction)
  local level, m = 0, {}
  if fraction < drain and at >= now then level = (at - now) * drain + fraction end
  -- The clock stepped back: that is kept, or it would be cut to the same again and again.
  if level > brim then level, m.corrected = brim, true end
  function m.room() return floor((brim - level) / weight) end
  function m.charge(n) level = level + n * weight end
  function m.back(n) level = max(level - n * weight, 0) end
  function m.retry(n) return ceil(max(level + n * weight - brim, 0) / drain) end
  function m.reset() return ceil(level / drain) end
  function m.record() return now + floor(level / drain), level % drain, 0, m.reset() end
  return m
end

-- nginx's, in milliseconds and thousandths of a request. `pace`: thousandths in a second.
-- Record: when it last changed, and the level then.
local function leaky_bucket(brim, pace, _, last, level)
  local now = floor(now / 1000)
  if level > brim or level == 0 then last, level = now, 0 end
  local passed = now - last
  if passed < -60000 then passed = 1 elseif passed < 0 then passed = 0 end
  local function left() return max(level - floor(pace * passed / 1000), 0) end
  local function down_to(low)
    if level <= low then return 0 end
    return max(last + ceil((level - low) * 1000 / pace) - now, 1) * 1000
  end
  local m = {}
  function m.room() return floor((brim - left()) / 1000) end
  function m.charge(n)
    level = left() + n * 1000
    if passed > 0 then last, passed = now, 0 end
  end
  function m.back(n) level = max(level - n * 1000, 0) end
  function m.retry(n) return down_to(brim - n * 1000) end
  function m.reset() return down_to(0) end
  function m.record() return last, level, 0, m.reset() end
  return m
end

-- Two windows of `per` milliseconds, the earlier one by the part of it that is less than a window ago.
-- Record: beginning, requests of the window before, of this one.
local function sliding_window(requests, per, _, start, before, count)
  local millis = floor(now / 1000)
  local into, limit = millis % per, requests * per
  local current = millis - into
  if before > requests or count > requests then
    start, before, count = current, 0, 0
  elseif start == current - per then
    start, before, count = current, count, 0
  elseif start == current + per then
    into = 0
  elseif start ~= current then
    start, before, count = current, 0, 0
  end
  local function till(ms) return max((start + ms) * 1000 - now, 0) end
  local m = {}
  function m.room()
    return max(floor((limit - before * (per - into) - count * per) / per), 0)
  end
  function m.charge(n) count = count + n end
  function m.back(n)
    before = max(before - max(n - count, 0), 0)
    count = max(count - n, 0)
  end
  function m.retry(n)
    local free = limit - (count + n) * per
    if free >= 0 then
      if before == 0 then return till(0) end
      return till(per - min(floor(free / before), per))
    end
    free = max(limit - n * per, 0)
    return till(2 * per - min(floor(free / count), per))
  end
  function m.reset()
    if count > 0 then return till(2 * per) end
    if before > 0 then return till(per) end
    return 0
  end
  function m.record() return start, before, count, start * 1000 + 2000 * per - now end
  return m
end

-- Windows of `per` microseconds since 1970. What is refused counts, too.
-- Record: beginning, requests.
local function fixed_window(requests, per, _, start, count)
  local current = now - now % per
  if start ~= current and start ~= current + per then start, count = current, 0 end
  local m = {}
  function m.room() return max(requests - count, 0) end
  function m.charge(n) count = count + n end
  m.refuse = m.charge
  function m.back(n) count = max(count - n, 0) end
  function m.retry() return start + per - now end
  m.reset = m.retry
  function m.record() return start, count, 0, m.reset() end
  return m
end

local algorithms = { t = token_bucket, l = leaky_bucket, s = sliding_window, f = fixed_window }

-- What of a key's kind is meant by the four arguments from this one on; nil as `found` where there is no key.
local function open(key, first)
  local text = redis.call('GET', key)
  local a, b, c = string.match(text or '', '^(%d+):(%d+):(%d+)$')
  a, b, c = tonumber(a) or 0, tonumber(b) or 0, tonumber(c) or 0
  if max(a, b, c) > 9007199254740992 then a, b, c = 0, 0, 0 end
  local m = algorithms[ARGV[first]](
    tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3]), a, b, c)
  m.found = text
  function m.save()
    local x, y, z, lasts = m.record()
    redis.call('SET', key, string.format('%.0f:%.0f:%.0f', x, y, z), 'PX', max(ceil(lasts / 1000), 0) + spare)
  end
  return m
end
