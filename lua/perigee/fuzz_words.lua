-- SPDX-License-Identifier: MIT
-- What stands in the scripts and may mean something to them: for `perigee fuzz`.

local lfs = require "lfs"
local sorted = require("perigee.fuzz_values").sorted

local quoted = { '"([^"\n\\]+)"', "'([^'\n\\]+)'" }

-- How a script reads what it may find in a request.
local function reads(field)
  return { field .. "%.([%a_][%w_]*)", field .. "%[[\"']([^\"'\n]+)[\"']%]" }
end

local patterns = { words = quoted, query = reads "query", headers = reads "headers" }

local function add(found, text)
  for kind, list in pairs(patterns) do
    for _, pattern in ipairs(list) do
      for word in text:gmatch(pattern) do
        if #word <= 40 and utf8.len(word) then
          found[kind][word] = true
        end
      end
    end
  end
end

local function add_folder(found, folder)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(path, "mode") == "directory" then
      add_folder(found, path)
    elseif name:find "%.lua$" then
      local file <close> = io.open(path, "rb")
      add(found, file and file:read "a" or "")
    end
  end
end

-- Returns three sorted lists: the texts in quotes; and the names of parameters
-- in queries, and of headers, that handlers of HTTP look at.
return function(folder)
  local found = { words = { lobby = true, alice = true, bob = true },
    query = {}, headers = {} }
  add_folder(found, folder)
  return sorted(found.words), sorted(found.query), sorted(found.headers)
end
