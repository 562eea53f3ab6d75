-- SPDX-License-Identifier: MIT
-- An honest client among hostile ones: `bench/soak --hostile`.
--
-- The client echoes, and each answer is timed: first alone (a tenth of the
-- time), then while others flood, listen to nothing, hurry through handshakes,
-- lie about who they are, join rooms of ever new names, while the scripts are
-- reloaded and nobody reads the log. The others are processes of their own, so
-- that they take no time of the client's.
local root = arg[0]:match "(.*)/bench/[^/]*$" or "."
package.path = ("%s/lua/?.lua;%s/?.lua;"):format(root, root) .. package.path

local cqueues = require "cqueues"
local http = require "spec.support.http"
local raw = require "spec.support.raw"
local t = require "perigee.testing"

local options = { seconds = 600, workers = 1 }
local role -- of a hostile process: its name, port, admin port, secret

for _, word in ipairs(arg) do
  local name, value = word:match "^%-%-(%l+)=(%d+)$"
  if options[name] then
    options[name] = tonumber(value)
  elseif word:match "^%-%-as=" then
    role = { word:match "^%-%-as=(%l+),(%d+),(%d+),(.*)$" }
  elseif word ~= "--hostile" then
    io.stderr:write "bench/soak --hostile [--seconds=600] [--workers=1]\n"
    os.exit(word == "--help" and 0 or 2)
  end
end

local script = [[
local perigee = require "perigee"
return {
  echo = function(_, data) return data end,
  say = function(_, data)
    perigee.send_to_room("hall", { type = "said", data = data })
  end,
}
]]

-- --- the hostile ones ------------------------------------------------------

local ends = cqueues.monotime() + options.seconds

local function is_over()
  return cqueues.monotime() >= ends
end

-- A socket that has sent the handshake and a token for `user`.
local function login(server, user)
  local peer = raw.connect(server)
  peer:write(raw.login(server, user))
  return peer
end

local function message(kind, data)
  return raw.frame(t.encode { type = kind, data = data })
end

-- Writes `bytes()` again and again to `count` connections; new ones where the
-- server has hung up. Reads nothing, but for `reads`.
local function pour(server, count, bytes, pause)
  local loop = cqueues.new()
  for i = 1, count do
    loop:wrap(function()
      while not is_over() do
        local ok, peer = pcall(login, server, "hostile" .. i)
        while ok and not is_over() and peer:write(bytes(i)) do
          cqueues.sleep(pause)
        end
        cqueues.sleep(0.1)
      end
    end)
  end
  loop:loop()
end

local many = message("echo", 1):rep(200)
local large = message("echo", ("x"):rep(60000))
local loud = message("say", ("x"):rep(40000))
local hall = message("join", { room = "hall" })

local roles = {
  floods = function(server) pour(server, 4, function() return many end, 0) end,
  bytes = function(server) pour(server, 4, function() return large end, 0) end,
  deaf = function(server)
    pour(server, 20, function(i) return i == 1 and loud or hall end, 0.2)
  end,
  names = function(server)
    local serial = 0
    pour(server, 4, function()
      serial = serial + 1
      local room = { room = ("%x"):format(serial * 2654435761 % 2 ^ 32 // 1) }
      return message("join", room) .. message("leave", room)
    end, 0.03)
  end,
  handshakes = function(server)
    while not is_over() do
      local peer = raw.connect(server)
      peer:write(raw.handshake:sub(1, math.random(#raw.handshake)))
      peer:close()
    end
  end,
  forgers = function(server)
    local lie = message("auth", { token = "a.b.c" })
    while not is_over() do
      local peer = raw.connect(server)
      peer:write(raw.handshake, lie)
      peer:read(-4096)
      peer:close()
    end
  end,
  reloads = function(server)
    while not is_over() do
      http.exchange(server.admin, { "POST /reload HTTP/1.1", "Host: localhost",
        "Content-Length: 0" })
      cqueues.sleep(5)
    end
  end,
}

if role then
  local server = { port = role[2], admin = role[3] }
  function server.token(_, claims)
    claims.exp = os.time() + 3600
    return t.sign(claims, role[4])
  end
  local ok, why = pcall(roles[role[1]], server)
  if not ok then
    io.stderr:write(role[1], ": ", tostring(why), "\n")
  end
  os.exit(ok)
end

-- --- the server, and who reads its log -------------------------------------

-- While the file `stop` is there, nobody does.
local dir = io.popen("mktemp -d"):read "l"
local function write(name, text)
  local file <close> = assert(io.open(dir .. "/" .. name, "w"))
  file:write(text)
end
write("reader", [[
while IFS= read -r line; do
  printf '%s\n' "$line"
  while [ -e "${0%/*}/stop" ]; do sleep 0.1; done
done
]])
write("perigee", ([[
#!/bin/bash
exec '%s' "$@" 2> >(exec bash '%s/reader')
]]):format(t.binary:find "^/" and t.binary or root .. "/" .. t.binary, dir))
os.execute("chmod +x '" .. dir .. "/perigee'")
t.binary = dir .. "/perigee"

local server = t.server {
  scripts = { ["main.lua"] = script },
  options = { workers = options.workers, ["limits.per_ip"] = 0 },
}
local port = { server.ws_url:match ":(%d+)", server.admin:match ":(%d+)$" }

-- --- the honest one --------------------------------------------------------

-- Echoes for so long; the times of the answers in milliseconds, sorted.
local function measure(seconds, each_second)
  local client = server:connect "honest"
  local times, stop, second = {}, cqueues.monotime() + seconds, 0
  while cqueues.monotime() < stop do
    local begun = cqueues.monotime()
    assert(client:request("echo", #times) == #times, "a wrong answer")
    times[#times + 1] = (cqueues.monotime() - begun) * 1000
    if each_second and begun // 1 ~= second then
      second = begun // 1
      each_second(second)
    end
    cqueues.sleep(0.05)
  end
  client:close()
  table.sort(times)
  return times
end

local function at(times, share)
  return times[math.max(1, math.ceil(#times * share))]
end

local function print_row(name, times)
  print(("%-12s %8d echoes   p50 %7.2f ms   p99 %7.2f ms   worst %7.2f ms")
    :format(name, #times, at(times, 0.5), at(times, 0.99), times[#times]))
  io.stdout:flush()
end

local quiet = options.seconds / 10
local alone = measure(quiet)
print_row("alone", alone)

local seconds = math.floor(options.seconds - quiet)
local processes = {}
for name in pairs(roles) do
  processes[name] = io.popen(("exec lua5.4 '%s/bench/hostile.lua' --seconds=%d "
    .. "'--as=%s,%s,%s,%s'"):format(root, seconds, name, port[1], port[2],
    server.secret))
end
-- For eight seconds of ten nobody reads the log.
local among = measure(seconds, function(second)
  if second % 10 == 0 then
    write("stop", "")
  elseif second % 10 == 8 then
    os.remove(dir .. "/stop")
  end
end)
os.remove(dir .. "/stop")
print_row("among them", among)
print(("ratio        p50 %.1f, p99 %.1f"):format(
  at(among, 0.5) / at(alone, 0.5), at(among, 0.99) / at(alone, 0.99)))

-- --- the end ---------------------------------------------------------------

local problems = {}
for name, process in pairs(processes) do
  local ok = process:close()
  if not ok then
    problems[#problems + 1] = name .. " have failed"
  end
end
if not server:is_running() then
  problems[#problems + 1] = "the server is gone"
end
local _, body = http.get(port[2], "/metrics")
for _, counter in ipairs { "messages_in", "rate_limited", "reads_paused",
  "slow_consumers", "stalled", "queues_shed", "auth_failed",
  "handshakes_refused", "handshake_timeouts", "reloads" } do
  local sum = 0
  for value in body:gmatch("\nperigee_" .. counter .. "_total%b{} (%d+)") do
    sum = sum + tonumber(value)
  end
  print(("%-20s %d"):format(counter, sum))
end
local status = server:stop()
if status ~= 0 then
  problems[#problems + 1] = "the server ended with " .. tostring(status)
end
os.execute("rm -rf '" .. dir .. "'")
for _, problem in ipairs(problems) do
  print("FAILED: " .. problem)
end
os.exit(#problems == 0)
