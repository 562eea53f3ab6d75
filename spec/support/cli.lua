-- SPDX-License-Identifier: MIT
-- Runs a perigee command to its end.
local t = require "perigee.testing"

local cli = {}

local function quote(text)
  return "'" .. tostring(text):gsub("'", [['\'']]) .. "'"
end

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- A new empty folder with these files in it; `cli.cleanup` removes it.
function cli.folder(files)
  local dir = io.popen("mktemp -d"):read "l"
  cli.folders[#cli.folders + 1] = dir
  for name, text in pairs(files or {}) do
    if name:find "/" then
      os.execute("mkdir -p " .. quote(dir .. "/" .. name:match "(.*)/"))
    end
    local file <close> = assert(io.open(dir .. "/" .. name, "wb"))
    file:write(text)
  end
  return dir
end

cli.folders = {}

function cli.cleanup()
  for i, dir in pairs(cli.folders) do
    os.execute("rm -rf " .. quote(dir))
    cli.folders[i] = nil
  end
end

-- The program, from wherever one is.
function cli.binary()
  local binary = os.getenv "PERIGEE_BIN" or "build/perigee"
  return binary:match "^/.*" or require("lfs").currentdir() .. "/" .. binary
end

-- Runs `perigee` with these words; returns exit status, standard output,
-- standard error. `opts.env` adds variables; `opts.dir` is where it runs. A
-- command that should end but serves instead is stopped by `timeout` (s).
function cli.run(words, opts)
  opts = opts or {}
  local out = cli.folder()
  local binary = cli.binary()
  local command = { "cd", quote(opts.dir or out), "&& exec env -u PERIGEE_BIN" }
  for name, value in pairs(opts.env or {}) do
    table.insert(command, name .. "=" .. quote(value))
  end
  table.insert(command, "timeout " .. (opts.timeout or t.timeout))
  table.insert(command, quote(binary))
  for _, word in ipairs(words) do
    table.insert(command, quote(word))
  end
  table.insert(command, (">%s/out 2>%s/err </dev/null"):format(out, out))
  local _, how, status = os.execute(table.concat(command, " "))
  assert(how == "exit", "ended by a signal: " .. tostring(status))
  return status, slurp(out .. "/out"), slurp(out .. "/err")
end

return cli
