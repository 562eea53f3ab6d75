-- SPDX-License-Identifier: MIT
-- Programs that specs run to the end, such as those of bench/.

local lfs = require "lfs"

local program = {}

-- Whether there is a Node that is new enough for the programs of this tree.
function program.has_node()
  local pipe = io.popen "node -p 'process.versions.node' 2>/dev/null"
  local major = tonumber((pipe:read "a" or ""):match "^%d+")
  pipe:close()
  return major and major >= 18
end

-- Runs a command, for so many seconds at most. Returns what it prints, and its
-- exit status.
function program.run(command, seconds)
  local pipe = assert(io.popen(("timeout -k 5 %d %s 2>&1"):format(seconds, command)))
  local text = pipe:read "a"
  local _, _, status = pipe:close()
  return text, status
end

-- Returns a folder with a package of npm, which stays in that of builds; nil, if
-- npm cannot fetch it.
function program.fetch(package)
  local name = package:match "^(@?[^@]+)@"
  local dir = ("%s/build/npm/%s"):format(lfs.currentdir(), name)
  local done = os.execute(("mkdir -p %s && cd %s && { [ -d node_modules/%s ] || timeout 150 "
    .. "npm install --silent --no-audit --no-fund --ignore-scripts --prefix . %s; } "
    .. ">/dev/null 2>&1"):format(dir, dir, name, package))
  return done and dir
end

-- Runs check.mjs of a folder in Node, whose first argument is the folder with its
-- package. Fails if that fails; returns what it prints.
function program.check(folder, dir, words)
  local text, status = program.run(("sh -c 'cd %s && node check.mjs %s %s'"):format(folder, dir,
    words or ""), 100)
  assert(status == 0, text)
  return text
end

return program
