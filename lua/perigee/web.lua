-- SPDX-License-Identifier: MIT
-- The keys of handlers for plain HTTP: "@http METHOD /path".

local methods = { GET = true, POST = true, PUT = true, PATCH = true,
  DELETE = true }

-- Paths that the server answers itself (src/edge/files.c).
local own = { ["/ws"] = true, ["/healthz"] = true, ["/perigee.js"] = true,
  ["/perigee.global.js"] = true, ["/dev/token"] = true }

local function check_method(method)
  if method == "HEAD" or method == "OPTIONS" then
    return method .. " is answered by the server, for the handlers of that path"
  elseif not methods[method] then
    return ("'%s' is not one of DELETE GET PATCH POST PUT"):format(method)
  end
end

-- Parts that begin with a colon are names: "/users/:id".
local function check_names(path)
  local seen = {}
  for part in path:gmatch "[^/]+" do
    local name = part:match "^:(.*)$"
    if part:find "^{.*}$" or part:find "^<.*>$" then
      return ("in the path '%s' write the part '%s' as ':%s'")
        :format(path, part, part:sub(2, -2))
    elseif name and not name:find "^[%a_][%w_]*$" then
      return ("in the path '%s' the part '%s' is no name: letters, digits and "
        .. "_ may follow the colon"):format(path, part)
    elseif name and seen[name] then
      return ("the path '%s' has the name '%s' twice"):format(path, name)
    elseif name and path:find "/%*$" then
      return ("the path '%s' has a name and a star: it may have one of them")
        :format(path)
    end
    seen[name or ""] = true
  end
end

local function check_path(path)
  if path:sub(1, 1) ~= "/" then
    return ("the path '%s' does not begin with a slash"):format(path)
  elseif #path > 256 then
    return "the path has more than 256 bytes"
  elseif not utf8.len(path) or path:find "[%c%s?#%%]" then
    return ("the path '%s' is written as it is after decoding, in UTF-8 and "
      .. "without blanks, '?', '#' and '%%'"):format(path)
  elseif path:gsub("/%*$", ""):find("*", 1, true) then
    return ("in the path '%s' a star may only stand behind the last slash")
      :format(path)
  elseif (path .. "/"):find "/%.%.?/" or path:find "//" then
    return ("the path '%s' has a part that is empty, '.' or '..'")
      :format(path)
  elseif own[path] then
    return ("the server answers %s itself"):format(path)
  end
  return check_names(path)
end

-- `text` is what stands behind "@http ". Returns whether it is such a key, and
-- what is wrong with it.
local function check(text)
  local method, path = text:match "^(%S+) (.*)$"
  if not method or not (method:find "^%u+$" or path:find "^/") then
    return false
  end
  return true, check_method(method) or check_path(path)
end

return check
