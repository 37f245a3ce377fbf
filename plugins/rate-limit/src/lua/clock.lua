-- What time it is, in microseconds since 1970, and how much longer than needed a key is kept, in milliseconds. A test
-- that sets the clock by hand has another one of these files.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local spare = 1000
