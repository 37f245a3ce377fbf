-- What becomes of a request with a key. KEYS[1]: the key. ARGV: the request's fingerprint, how long it may be in flight in
-- milliseconds, the nonce. A record is `f:<number>:<fingerprint>` in flight, `c:…` once completed; the number is when it was
-- claimed. Returns 0 and that number: it is the first; 1 to 3 and how long the record lasts in milliseconds: the same request
-- is in flight, was completed, it is another request; 4: the record is none of ours.
local found = redis.call('GET', KEYS[1])
if not found then
  local clock = redis.call('TIME')
  local number = clock[1] * 1000000 + clock[2]
  redis.call('SET', KEYS[1], string.format('f:%.0f:%s', number, ARGV[1]), 'PX', ARGV[2])
  return { 0, number, ARGV[#ARGV] }
end
local state, fingerprint = string.match(found, '^([fc]):%d+:(%x+)$')
local what = 4
if state then
  if fingerprint ~= ARGV[1] then what = 3 elseif state == 'c' then what = 2 else what = 1 end
end
local rest = redis.call('PTTL', KEYS[1])
if rest < 0 then rest = 0 end
return { what, rest, ARGV[#ARGV] }
