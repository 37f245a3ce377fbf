-- Gives requests in advance. ARGV: what is of use at least, what requests wait for, what is wanted in all, the share of
-- what is left that is given beyond what they wait for, four for the key, the nonce. Returns what was given, what is
-- left, how long until the least is there again, how long until all is.
local least, need, want, share = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local m = open(KEYS[1], 5)
local room, given, changed = m.room(), 0, m.corrected
if least > room then
  if m.refuse then
    m.refuse(least)
    changed = true
  end
else
  given = min(need, room)
  given = given + min(want - need, floor((room - given) / share))
  if given > 0 then
    m.charge(given)
    changed = true
  end
end
if changed then m.save() end
room, least = m.room(), max(least, 1)
return { given, room, least > room and m.retry(least) or 0, m.reset(), ARGV[#ARGV] }
