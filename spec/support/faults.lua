-- SPDX-License-Identifier: MIT
-- What may happen to a Redis and to servers, for specs in which they break at
-- random. Each returns a function that lets it happen once.

local faults = {}

-- A command breaks something, such as CLIENT KILL.
function faults.command(redis, text)
  return function() redis:command(text) end
end

-- One of `list` stands still, for `step` seconds up to `steps` times that.
function faults.pause(list, step, steps)
  return function()
    local one = list[math.random(#list)]
    one:signal "STOP"
    os.execute("sleep " .. step * math.random(steps))
    one:signal "CONT"
  end
end

-- It dies, and is there again.
function faults.restart(redis)
  return function()
    redis:kill()
    redis:start()
  end
end

-- One of the servers dies, and `start()` takes its place; then `came(i)`.
function faults.replace(servers, start, came)
  return function()
    local i = math.random(#servers)
    servers[i]:signal "KILL"
    servers[i]:stop(false)
    servers[i] = start()
    if came then came(i) end
  end
end

return faults
