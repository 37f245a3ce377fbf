-- Takes back what was given and not used. ARGV: how much, four for the key, the nonce.
local m = open(KEYS[1], 2)
if m.found then
  m.back(tonumber(ARGV[1]))
  m.save()
end
return { ARGV[#ARGV] }
