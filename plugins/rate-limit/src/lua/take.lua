-- All of a cost from every key, or from none. ARGV: the cost, four for each key, the nonce. Four numbers for each key:
-- whether it fits, what is left, how long until it fits, how long until all is there again.
local cost, fits = tonumber(ARGV[1]), true
local meters, answer = {}, {}
for i, key in ipairs(KEYS) do
  meters[i] = open(key, 4 * i - 2)
  if cost > meters[i].room() then fits = false end
end
for _, m in ipairs(meters) do
  local own = cost <= m.room()
  if fits then
    m.charge(cost)
    m.save()
  else
    local refused = not own and m.refuse
    if refused then refused(cost) end
    if refused or m.corrected then m.save() end
  end
  local n = #answer
  answer[n + 1], answer[n + 2] = own and 1 or 0, m.room()
  answer[n + 3], answer[n + 4] = own and 0 or m.retry(cost), m.reset()
end
answer[#answer + 1] = ARGV[#ARGV]
return answer
