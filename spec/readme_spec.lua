-- SPDX-License-Identifier: MIT
-- What README shows is what happens: each of its blocks is tried.
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local text = read "README.md"

-- All fenced blocks, in order: language, text. Those of list items lose their
-- indentation.
local blocks = {}
for indent, language, body in ("\n" .. text):gmatch "\n( *)```(%w*)\n(.-)\n *```" do
  table.insert(blocks, { language = language,
    text = ("\n" .. body):gsub("\n" .. indent, "\n"):sub(2) })
end

-- The one block that has this in it. It counts as tried.
local function block(part)
  local found
  for _, candidate in ipairs(blocks) do
    if candidate.text:find(part, 1, true) then
      assert(not found, "two blocks of README have " .. part)
      found = candidate
    end
  end
  assert(found, "no block of README has " .. part)
  found.tried = true
  return found.text
end

-- Whether `value` has all that `part` has.
local function covers(value, part)
  if type(part) ~= "table" then
    return value == part
  end
  for key, item in pairs(part) do
    if type(value) ~= "table" or not covers(value[key], item) then
      return false
    end
  end
  return true
end

-- Says what stands behind `out`, expects what stands behind `into`; `…` is
-- anything, and so are tokens.
local function talk(server, conversation, out, into, user)
  local client = server:connect { auth = false }
  for line in conversation:gmatch "[^\n]+" do
    local mark, json = line:match "^(%S+) ({.*})$"
    local message = json and t.decode((json:gsub(",…", "")))
    if message and message.type == "auth" then
      message.data.token = server:token { sub = user }
    end
    if mark == out then
      client:send(message.type, message.data, message.id)
    elseif mark == into then
      local answer = t.decode(assert(client:receive()))
      assert(covers(answer, message), line .. "\nwas " .. t.encode(answer))
    end
  end
end

-- With the times that README shows.
local function start(scripts)
  return t.server { scripts = scripts, options = {
    ["heartbeat.interval_s"] = false, ["heartbeat.timeout_s"] = false } }
end

describe("README", function()
  after_each(cli.cleanup)

  it("shows the whole of a chat server, and what clients say to it", function()
    local server = start {
      ["chat.lua"] = block 'from = client.user_id, text = data.text',
    }
    talk(server, block "← {\"type\":\"chat.message\"", "→", "←", "alice")
  end)

  it("says what wscat shows on the scripts that are there", function()
    local server = t.server { scripts = "scripts" }
    talk(server, block "npx wscat", ">", "<", "dev")
  end)

  it("has a handler and a spec that fit together", function()
    local folder = cli.folder {
      ["scripts/dice.lua"] = block '["dice.roll"] = function',
      ["spec/dice_spec.lua"] = block 'describe("dice"',
    }
    local status, out, problem = cli.run(
      { "test", "--", "--output=TAP" }, { dir = folder })
    assert.equal(0, status, out .. problem)
    assert.matches("ok 1 - dice is rolled for the whole room", out, 1, true)
  end)

  it("makes a project as it says", function()
    local commands = block "perigee new chat && cd chat"
    assert.matches("\nperigee dev ", commands)
    assert.matches("\nperigee test ", commands)
    local folder = cli.folder()
    assert.equal(0, (cli.run({ "new", "chat" }, { dir = folder })))
    local status, out, problem = cli.run({ "test", "--", "--output=TAP" },
      { dir = folder .. "/chat" })
    assert.equal(0, status, out .. problem)
  end)

  it("says what a reload of a broken script prints", function()
    local server = start { ["chat.lua"] = "return {}" }
    server:write("chat.lua", ("\n"):rep(13) .. "return { x = 1 end")
    local status, _, problem = cli.run { "reload", "--admin=" .. server.admin }
    assert.equal(1, status)
    local expected = block "$ perigee reload\n"
      :gsub("^[^\n]*\n", "") -- the command
      :gsub("scripts/", server.scripts .. "/"):gsub("generation 8", "generation 1")
    assert.equal(expected .. "\n", problem)
  end)

  it("calls only functions that are there", function()
    block "perigee.broadcast {"
    local names = {}
    for name in text:gmatch "perigee%.([%a_]+)[ (]" do
      if name ~= "service" and name ~= "cfg" then names[name] = true end
    end
    assert.is_true(names.send_to_user and names.kick and names.sleep)
    local alice = start { ["main.lua"] = [[
      local perigee = require "perigee"
      return { has = function(_, name) return perigee[name] ~= nil end }
    ]] }:connect "alice"
    for name in pairs(names) do
      assert(alice:request("has", name), "README calls perigee." .. name)
    end
  end)

  for language, program in pairs {
    js = { "node", [[
      const crypto = require('crypto');
      const secret = process.env.SECRET;
      %s
      process.stdout.write(token);
    ]] },
    python = { "python3", "import base64, hashlib, hmac, json, os, sys, time\n"
      .. "secret = os.environ['SECRET'].encode()\n%s\n"
      .. "sys.stdout.write(token)\n" },
  } do
    it("makes tokens in " .. language, function()
      local code = block(language == "js" and "createHmac" or "hmac.digest")
      local folder = cli.folder {
        code = program[2]:gsub("%%s", (code:gsub("%%", "%%%%"))),
      }
      local server = start { ["main.lua"] = "return {}" }
      local pipe = io.popen(("SECRET='%s' %s %s/code"):format(server.secret,
        program[1], folder))
      local token = pipe:read "a"
      pipe:close()
      assert.equal("alice", server:connect({ token = token }).info.user)
    end)
  end

  it("has a configuration that is one", function()
    local folder = cli.folder {
      ["perigee.cfg.lua"] = block 'listen = "0.0.0.0:443"',
    }
    local status, out, problem = cli.run({ "config" }, { dir = folder })
    assert.equal(0, status, problem)
    assert.matches("/etc/perigee/cert.pem +perigee.cfg.lua", out)
  end)

  it("installs what it says", function()
    local commands = block "sudo cmake --install build"
    local unit = read "packaging/perigee.service"
    for _, path in ipairs { "/etc/perigee/env", "/etc/perigee/scripts",
      "/etc/perigee/perigee.cfg.lua" } do
      assert.matches(path:match "[^/]+$", commands, 1, true)
      assert.matches(path, unit, 1, true)
    end
    local secret = commands:match "PERIGEE_AUTH_SECRET=%$%((.-)%)"
    local pipe = io.popen(secret)
    local status, _, problem = cli.run({ "check", cli.folder() },
      { env = { PERIGEE_AUTH_SECRET = pipe:read "l" } })
    pipe:close()
    assert.equal(0, status, problem)
    assert.is_nil(problem:find "note")
  end)

  it("names only commands, options and files that are there", function()
    local clone = block "git clone URL perigee"
    assert.matches("\n./dev run$", clone)
    local _, help = cli.run { "help" }
    local dev = io.popen("./dev help"):read "a"
    local _, config = cli.run { "config" }
    for command in text:gmatch "[`\n$] ?perigee (%l+)[ `\n]" do
      assert.matches("\n  " .. command .. " ", help)
    end
    for command in text:gmatch "%./dev (%l+)" do
      assert.matches("./dev " .. command .. " ", dev, 1, true)
    end
    for option in text:gmatch "`(%l+%.%l[%l_]+)[`=]" do
      local is_section = config:find("\n" .. option:match "%l+" .. ".", 1, true)
      assert(not is_section or config:find("\n" .. option .. " ", 1, true), option)
    end
    for path in text:gmatch "%]%((docs/[%w_.-]+)[)#]" do
      assert.is_string(read(path))
    end
    for path in text:gmatch "`(scripts/[%w_]+%.lua)`" do
      if path ~= "scripts/dice.lua" then -- the reader's own
        assert.is_string(read(path))
      end
    end
  end)

  it("shows files of the tree as they are", function()
    for path, body in text:gmatch "`([%w_./-]+)`[^\n]*:\n\n```lua\n(.-\n)```" do
      local file <close> = io.open(path, "rb")
      assert.equal(file and file:read "a" or body, body)
    end
  end)

  it("shows nothing that is not tried here", function()
    assert.is_true(#blocks > 10)
    for _, candidate in ipairs(blocks) do
      assert(candidate.tried, "no example tries this:\n" .. candidate.text)
    end
  end)
end)
