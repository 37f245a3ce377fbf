-- The request was done: whoever sends it again is told so. KEYS[1]: the key. ARGV: the number of the claim, the request's
-- fingerprint, how long this is remembered in milliseconds, the nonce. Returns 1, or 0 where the key stands for another
-- request by now. A record that is gone, or was never written, is written: it took longer than anybody thought.
local found = redis.call('GET', KEYS[1])
local state, fingerprint = string.match(found or '', '^([fc]):%d+:(%x+)$')
if found and fingerprint ~= ARGV[2] then return { 0, ARGV[#ARGV] } end
if state ~= 'c' then
  redis.call('SET', KEYS[1], 'c:' .. ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
end
return { 1, ARGV[#ARGV] }
