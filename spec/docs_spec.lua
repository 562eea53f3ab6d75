-- SPDX-License-Identifier: MIT
-- The pages for people who read the code name files and functions: all of
-- them are in the tree.
local PAGES = { "README.md", "docs/architecture.md", "docs/development.md" }

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function lines_of(command)
  local lines = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  return lines
end

-- All files, by their paths; and every folder that has one of them.
local function tree()
  local paths, count = {}, 0
  for _, path in ipairs(lines_of "git ls-files --cached --others --exclude-standard") do
    count = count + 1
    while path do
      paths[path] = true
      path = path:match "^(.*)/[^/]*$"
    end
  end
  assert(count > 100, "git does not list the files")
  return paths
end

local ROOMS = {}
for _, path in ipairs(lines_of "ls src") do
  ROOMS[path] = true
end

-- `room/file` or `room/file.c`, as the pages write it, in src/ or from the top.
local function exists(paths, name)
  for _, ending in ipairs { "", ".c", ".h", ".lua", ".def" } do
    if paths[name .. ending] or paths["src/" .. name .. ending] then
      return true
    end
  end
  return false
end

-- The words in `code` of a page, outside of fenced blocks.
local function code_of(page)
  local text = read(page):gsub("\n```.-\n```", "\n")
  local found = {}
  for code in text:gmatch "`([^`\n]+)`" do
    found[code] = true
  end
  return found
end

-- Whether it looks like a path of this tree: its first part is a folder of it.
-- Not `fuzz/NAME_fuzz.c`, and not the scripts of the reader.
local function is_path(paths, name)
  local first = name:match "^([%w_.-]+)/[%w_./-]+$"
  return first and (ROOMS[first] or paths[first]) and first ~= "scripts" and not name:find "%u%u"
end

-- Functions of the libraries that we use.
local OTHERS = { uv = true, lws = true, lua = true, epoll = true }

describe("The pages about the code", function()
  local paths = tree()

  for _, page in ipairs(PAGES) do
    it("name no file that is not there: " .. page, function()
      local seen = 0
      for name in pairs(code_of(page)) do
        if is_path(paths, name) then
          seen = seen + 1
          assert(exists(paths, (name:gsub("/$", ""))), page .. " names " .. name)
        end
      end
      assert(seen > 0, "no path was recognised in " .. page)
    end)
  end

  it("name no function that is not there", function()
    local source = table.concat(lines_of "cat src/*/*.[ch] lua/perigee/*.lua", "\n")
    local seen = 0
    for name in pairs(code_of "docs/architecture.md") do
      local word = name:match "^([a-z]+_[a-z_]+)%(?%)?$"
      if word and not OTHERS[word:match "^%a+"] then
        seen = seen + 1
        assert(source:find("%f[%w_]" .. word .. "%f[^%w_]"),
          "docs/architecture.md names " .. word)
      end
    end
    assert(seen > 0, "no function was recognised")
  end)

  it("list every file of src/ in the table of rooms, and no other", function()
    local listed, room = {}, nil
    for line in read("docs/architecture.md"):gmatch "[^\n]+" do
      room = line:match "^| `([a-z]+)/` |" or (line:match "^| |" and room) or nil
      local names = room and line:match "^|[^|]*| `([^`]+)` |"
      for name in (names or ""):gmatch "[%w_.]+" do
        listed[room .. "/" .. name] = true
      end
    end
    for path in pairs(paths) do
      local name = path:match "^src/([a-z]+/[%w_]+)%.[ch]$"
      if name and not name:find "_test$" then
        assert(listed[name], "docs/architecture.md does not list src/" .. name)
      end
    end
    for name in pairs(listed) do
      assert(exists(paths, name), "docs/architecture.md lists " .. name)
    end
  end)
end)
