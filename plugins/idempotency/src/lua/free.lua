-- The request was not done: it may come again. KEYS[1]: the key. ARGV: the number of the claim, the nonce. Returns 1, or 0
-- where it is not in flight any more, or for somebody else.
local found = redis.call('GET', KEYS[1])
local state, number = string.match(found or '', '^([fc]):(%d+):%x+$')
if state ~= 'f' or number ~= ARGV[1] then return { 0, ARGV[#ARGV] } end
redis.call('DEL', KEYS[1])
return { 1, ARGV[#ARGV] }
