"""The scripts that run inside Redis, where value, index and clock of a bucket change in one step.

One call carries all operations of a bucket, and answers with one item for each: a number is the
version of what was done, below zero where a delete found its key; a text is what is there instead
where a condition did not hold: nothing, or L (live) or E (expired a moment ago) and the stored
value.

**The order of writes makes a half-done script harmless**, should one ever fail in the middle: the
clock first, then the index, the value last; a delete takes the value first. So there is no value
that the index does not know, and an entry of the index without a value is no pair to anybody.

The first line declares the script, so Redis checks before it begins whether there may be writes,
and whether there is memory (redis_failures.py). What only deletes is declared as needing none: it
has to work when memory is full. Every key is declared, so in a slot that is being moved Redis
refuses (TRYAGAIN) what is not all in one place.

Expiry: a condition sees a key as long as Redis has it, so Redis is told to let go of it LINGER_MS
after its time; a read sees the time in the header.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1

from kvcluster.model.expiry import LINGER_MS

_WRITE = """
local linger_ms, fields = LINGER_MS, 7
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local count = #KEYS - 3
local last = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now_ms * 1024)
local told, ticked = {}, false

local function holds(what, operand, stored)
  if what == '' or what == 'none' then return true end
  if not stored or what == 'absent' then return not stored and what == 'absent' end
  if what == 'version' then return string.sub(stored, 1, 16) == operand end
  return what == 'exists' or string.sub(stored, 33) == operand
end

for at = 1, count do
  local from = (at - 1) * fields
  local key, kind, what, operand, ttl_ms, expires_ms, value = unpack(ARGV, from + 1, from + fields)
  local name, stored, version = KEYS[3 + at], false, last + at
  if what ~= '' then
    stored = redis.call('GET', name)
  elseif kind == 'delete' then
    stored = redis.call('GETRANGE', name, 0, 31)
    if stored == '' then stored = false end
  end
  local ends_ms = stored and tonumber(string.sub(stored, 17, 32)) or 0
  local seen = stored and (ends_ms == 0 or ends_ms > now_ms)
  if not holds(what, operand, stored) then
    told[at] = stored and ((seen and 'L' or 'E') .. stored) or ''
  else
    if not ticked then
      redis.call('SET', KEYS[1], string.format('%.0f', last + count))
      ticked = true
    end
    told[at] = (kind == 'delete' and seen) and -version or version
    ends_ms = tonumber(expires_ms)
    if ttl_ms ~= '0' then ends_ms = now_ms + tonumber(ttl_ms) end
    local leaves_ms = ends_ms + linger_ms
    if kind == 'delete' or (ends_ms > 0 and leaves_ms <= now_ms) then
      redis.call('DEL', name)
      redis.call('ZREM', KEYS[2], key)
      redis.call('ZREM', KEYS[3], key)
    else
      local entry = string.format('%016.0f%016.0f', version, ends_ms) .. value
      redis.call('ZADD', KEYS[2], 0, key)
      if ends_ms > 0 then
        local score = string.format('%.0f', leaves_ms)
        redis.call('ZADD', KEYS[3], score, key)
        redis.call('SET', name, entry, 'PXAT', score)
      else
        redis.call('ZREM', KEYS[3], key)
        redis.call('SET', name, entry)
      end
    end
  end
end
return told
""".replace("LINGER_MS", str(LINGER_MS))

_SWEEP = """
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms, 'LIMIT', 0, ARGV[2])
local gone = 0
for _, key in ipairs(due) do
  if redis.call('EXISTS', ARGV[1] .. key) == 0 then
    redis.call('ZREM', KEYS[1], key)
    redis.call('ZREM', KEYS[2], key)
    gone = gone + 1
  end
end
return gone
"""


@dataclass(frozen=True)
class RedisScript:
    """A script: by its text the first time, by its checksum from then on."""

    text: str

    @cached_property
    def checksum(self) -> str:
        """What Redis calls it."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


WRITE = RedisScript("#!lua" + _WRITE)
"""KEYS: clock, index, expiries, and the value of each operation. ARGV: seven for each operation."""
DELETE = RedisScript("#!lua flags=allow-oom" + _WRITE)
"""The same where there are deletes only."""
SWEEP = RedisScript("#!lua flags=allow-oom" + _SWEEP)
"""KEYS: index, expiries. ARGV: what stands in front of keys, and how many at most."""
SCRIPTS = (WRITE, DELETE, SWEEP)
