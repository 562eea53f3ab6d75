-- SPDX-License-Identifier: MIT
-- What docs/backend.md shows of events does what it says: a whole backend, and
-- the check of the signature in each language that is here.
local api = require "spec.support.api"
local cli = require "spec.support.cli"
local hmac = require "openssl.hmac"
local node = require "spec.support.node"
local t = require "perigee.testing"

local file <close> = assert(io.open("docs/backend.md", "rb"))
local page = file:read "a"
local SECRET = ("s"):rep(32)

local function has(program)
  local found = os.execute(program .. " >/dev/null 2>&1")
  if not found then
    pending(program:match "%S+" .. " is not here")
  end
  return found
end

-- The block in a language that has this text.
local function block(language, part)
  for text in page:gmatch("\n```" .. language .. "\n(.-)\n```") do
    if text:find(part, 1, true) then
      return text .. "\n"
    end
  end
  error(("no %s with %s"):format(language, part))
end

local function lines_of(text)
  local count = 0
  for line in text:gmatch "[^\n]+" do
    count = count + (line:match "^%s*$" and 0 or line:match "^%-%- " and 0 or line:match "^// "
      and 0 or 1)
  end
  return count
end

describe("The backend of the docs", function()
  after_each(cli.cleanup)

  it("pushes to users, and knows who is online, in 25 lines", function()
    local scripts = block("lua", "order.make")
    local program = block("js", "const online = new Set()")
    assert.is_true(lines_of(scripts) + lines_of(program) <= 25,
      lines_of(scripts) + lines_of(program) .. " lines")
    if not has "node --version" then
      return
    end
    local dir = cli.folder { ["backend.mjs"] = program }
    local server, backend = node.with(dir .. "/backend.mjs",
      { API_KEY = api.KEY, EVENTS_SECRET = SECRET }, function(url)
        return t.server { scripts = { ["orders.lua"] = scripts },
          options = api.options { ["events.url"] = url, ["events.secret"] = SECRET,
            ["events.file"] = dir .. "/events.db" } }
      end)
    local alice, bob = server:connect "alice", server:connect "bob"
    local order = alice:request("order.make", { item = 7 }).order
    assert.same({ order = order }, alice:expect("order.ready").data)
    assert.same({ "alice", "bob" }, t.decode(backend:get "/"))
    bob:finish()
    t.wait_until(function() return backend:get "/" == '["alice"]' end)
    server:signal "KILL"
    server:stop(false)
    backend:stop()
  end)
end)

describe("The signature in docs/backend.md", function()
  after_each(cli.cleanup)

  local BODY = '{"events":[]}'

  local function sign(time, body)
    local mac = hmac.new(SECRET, "sha256"):final(time .. "." .. body)
    return ("t=%d,v1=%s"):format(time, (mac:gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end)))
  end

  local now = os.time()
  local good = sign(now, BODY)
  local CASES = {
    { good, "true" },
    { good:gsub("t=%d", "t=9", 1), "false" },
    { sign(now, BODY .. " "), "false" },
    { sign(now - 1000, BODY), "false" },
    { "nonsense", "false" },
    { "", "false" },
  }

  -- The function, and then a call that prints true or false.
  local PROGRAMS = {
    js = { "function isFromPerigee", "node --version", "node %s", ".mjs",
      "const [, , header, body, secret] = process.argv\n"
        .. "console.log(isFromPerigee(header, Buffer.from(body), secret))" },
    python = { "def is_from_perigee", "python3 --version", "python3 %s", ".py",
      "import sys\n_, header, body, secret = sys.argv\n"
        .. "print(str(is_from_perigee(header, body.encode(), secret)).lower())" },
    php = { "function is_from_perigee", "php --version", "php %s", ".php",
      "echo is_from_perigee($argv[1], $argv[2], $argv[3]) ? 'true' : 'false';" },
    ruby = { "def from_perigee?", "ruby --version", "ruby %s", ".rb",
      "puts from_perigee?(ARGV[0], ARGV[1], ARGV[2])" },
    go = { "func isFromPerigee", "go version", "go run %s", ".go",
      "func main() { fmt.Println(isFromPerigee(os.Args[1], []byte(os.Args[2]), os.Args[3])) }" },
  }
  local BEGINNINGS = { php = "<?php\n", go = [[package main
import ("crypto/hmac"; "crypto/sha256"; "encoding/hex"; "fmt"; "os"; "strings"; "time")
]] }

  for language, program in pairs(PROGRAMS) do
    it("is checked right: " .. language, function()
      local text = block(language, program[1])
      if not has(program[2]) then
        return
      end
      local dir = cli.folder { ["check" .. program[4]] = (BEGINNINGS[language] or "")
        .. text .. program[5] .. "\n" }
      for _, case in ipairs(CASES) do
        local pipe = io.popen((program[3] .. " '%s' '%s' '%s' 2>&1"):format(
          dir .. "/check" .. program[4], case[1], BODY, SECRET))
        assert.equal(case[2], pipe:read("a"):match "^%s*(.-)%s*$", language .. " " .. case[1])
        pipe:close()
      end
    end)
  end
end)
