-- SPDX-License-Identifier: MIT
-- What `perigee test` and `perigee fuzz` run, with the test kit, on the user's
-- scripts: busted, or fuzz.lua.
--
--   lua5.4 FOLDER/testing_run.lua PROGRAM BINARY SCRIPTS [FLAG…] -- [WORD…]
--
-- The flags are for every server that is started, the words are for busted, or
-- for fuzz.lua (see src/cli/fuzz.c). The folder is temporary: it has the modules
-- of the kit, and is removed as soon as they are read. Any version of Lua can
-- read this file, so that it can say which one it needs.

local folder = arg[0]:match "^(.*)/"
local program, binary, scripts, flags = arg[1], arg[2], arg[3], {}
local words = { [0] = "perigee test" } -- as busted's `arg`
if program == "test" then
  words[1] = "--ignore-lua"
end

local list = flags
for i = 4, #arg do
  if list == flags and arg[i] == "--" then
    list = words
  else
    table.insert(list, arg[i])
  end
end

-- { module, package of Debian, rock }
local needs = {
  { "http.websocket", "lua-http", "http" },
  { "cqueues", "lua-cqueues", "cqueues" },
  { "openssl.hmac", "lua-luaossl", "luaossl" },
  { "basexx", "lua-basexx", "basexx" },
  { "dkjson", "lua-dkjson", "dkjson" },
  { "lfs", "lua-filesystem", "luafilesystem" },
}
if program == "test" then
  table.insert(needs, 1, { "busted", "lua-busted", "busted" })
end

-- Returns the text of a file, and removes the file.
local function take(name)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

-- The modules of the kit, by name; testing.lua is the kit itself.
local texts = {}
for _, name in ipairs { "testing", "testing_base", "testing_client",
  "testing_http", "testing_json", "testing_redis", "testing_server",
  "testing_session", "testing_socket", "fuzz", "fuzz_messages", "fuzz_requests",
  "fuzz_values", "fuzz_words", "web_path" } do
  texts[name] = take(name .. ".lua")
end
local document = program == "fuzz" and take "document.json"
os.remove(arg[0])
os.remove(folder)

local function give_up(text)
  io.stderr:write("perigee: ", text, "\n")
  os.exit(1)
end

if _VERSION ~= "Lua 5.4" then
  give_up("this needs Lua 5.4, and `lua` is " .. _VERSION
    .. ": install it as lua5.4")
end

-- Busted forgets between two files which modules the first one has loaded. They
-- shall share one kit all the same, as it has the shared server.
local function once(name, after)
  local module
  return function(...)
    if not module then
      module = assert(load(texts[name], "@perigee/" .. name .. ".lua"))(...)
      if after then
        after(module)
      end
    end
    return module
  end
end

-- For these options the project's configuration is about real clients, not
-- about those of the kit. The rest of it holds.
local function set_up(t)
  t.binary, t.scripts, t.flags = binary, scripts, flags
  for _, key in ipairs { "auth.user_claim", "auth.issuer", "auth.audience",
    "tls.cert", "tls.key", "events.url" } do
    t.defaults[key] = ""
  end
  t.defaults["auth.algorithm"] = "HS256"
  t.defaults["script.check_sent"] = "true"
  t.defaults["log.level"] = "info"
  t.defaults["log.format"] = "text"
end

for name in pairs(texts) do
  package.preload["perigee." .. name] = once(name, name == "testing" and set_up)
end

-- This adds the folders of Debian to package.path, even if a module is missing.
pcall(require, "perigee.testing_client")

local missing, packages, rocks = {}, {}, {}
for _, need in ipairs(needs) do
  local ok, why = pcall(require, need[1])
  if not ok then
    table.insert(missing, "  " .. tostring(why):match "[^\n]*")
    table.insert(packages, need[2])
    table.insert(rocks, need[3])
  end
end
if #missing > 0 then
  give_up("this needs Lua modules that are not installed:\n"
    .. table.concat(missing, "\n")
    .. "\nOn Debian and Ubuntu: apt install " .. table.concat(packages, " ")
    .. "\nElsewhere: luarocks --lua-version=5.4 install "
    .. table.concat(rocks, " && luarocks --lua-version=5.4 install "))
end

-- The words of src/cli/fuzz.c: seed, time, type or "", claims.
local function run_fuzz()
  local decode = require("perigee.testing_json").decode
  local claims = {}
  for i = 4, #words do
    local name, value = words[i]:match "^([^=]+)=(.*)$"
    local ok, decoded = pcall(decode, value)
    claims[name or words[i]] = not name or not ok and value or decoded
  end
  os.exit(require "perigee.fuzz" {
    scripts = scripts, seed = math.tointeger(words[1]),
    time = tonumber(words[2]), only = words[3] ~= "" and words[3] or nil,
    claims = claims, sections = decode(document)["$defs"],
  }, true)
end

if program == "fuzz" then
  run_fuzz()
end

-- Specs may `require` the modules of the scripts, too.
package.path = ("%s;%s/?.lua;%s/?/init.lua"):format(package.path, scripts,
  scripts)

-- Busted names itself after the chunk that calls it.
arg = words
assert(load("require 'busted.runner' { standalone = false }",
  "@perigee test"))()
