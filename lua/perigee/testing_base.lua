-- SPDX-License-Identifier: MIT
-- What all of the test kit uses: its settings, waiting, JSON, and tokens. The
-- table is `perigee.testing` itself; testing.lua adds servers to it.

local json = require "perigee.testing_json" -- first: it finds the others
local Client = require "perigee.testing_client"
local basexx = require "basexx"
local cqueues = require "cqueues"
local hmac = require "openssl.hmac"

local t = {
  timeout = Client.timeout,
  null = json.null,
  -- They are exact: integers stay integers, [] and {} can be told apart.
  encode = json.encode,
  decode = json.decode,
  binary = os.getenv "PERIGEE_BIN" or "build/perigee",
  -- The folder of servers that are given no scripts; `perigee test` sets it.
  scripts = nil,
  -- The command line of a server has these options first, then `flags` as they
  -- are, then the options of its own.
  defaults = {
    listen = "127.0.0.1:0",
    ["admin.listen"] = "127.0.0.1:0",
    ["auth.secret"] = "an example secret of more than 32 bytes",
    ["shutdown.drain_s"] = 0,
  },
  flags = {},
}
t.defaults.workers = os.getenv "PERIGEE_WORKERS"

-- Calls `condition` until it returns something true, and returns that. After a
-- while it is called less often: a condition that asks the server stays below
-- limits.messages_per_s, and can go on asking.
function t.wait_until(condition, timeout)
  local deadline = cqueues.monotime() + (timeout or t.timeout)
  local pause = 0.002
  while true do
    local result = condition()
    if result then
      return result
    elseif cqueues.monotime() > deadline then
      error("waited in vain", 2)
    end
    cqueues.sleep(pause)
    pause = math.min(pause * 1.25, 0.04)
  end
end

-- Marks a table: it is written as a JSON array, even if it is empty.
function t.array(list)
  return setmetatable(list, { __jsontype = "array" })
end

-- Returns a token in the form of RFC 7519, signed with HS256. Claims that are
-- no JSON raise, in the function `level` (0) above the caller.
function t.sign(claims, secret, level)
  local body = t.encode(claims, (level or 0) + 1, "claims")
  local text = basexx.to_url64 '{"alg":"HS256","typ":"JWT"}'
    .. "." .. basexx.to_url64(body)
  return text .. "." .. basexx.to_url64(hmac.new(secret, "sha256"):final(text))
end

return t
