-- SPDX-License-Identifier: MIT
-- Handlers of plain HTTP as the document of script/interface.h names them, in
-- its section `calls`: "GET /users/:id", beside the types of backends' handlers.

local web_path = {}

local with_body = { POST = true, PUT = true, PATCH = true, DELETE = true }

function web_path.has_body(method)
  return with_body[method] == true
end

-- Returns method, path, and the names in the path, in order; what "/files/*" is
-- followed by is called "*". Returns nothing for a handler of backends.
function web_path.read(kind)
  local method, path = kind:match "^(%u+) (/.*)$"
  if not method then
    return nil
  end
  local names = { path:match "/(%*)$" }
  for name in path:gmatch "/:([^/]+)" do
    names[#names + 1] = name
  end
  return method, path, names
end

-- The path with what `put(name)` returns in place of each name.
function web_path.fill(path, put)
  local function place(name)
    return "/" .. put(name)
  end
  return (path:gsub(path:find "/%*$" and "/(%*)$" or "/:([^/]+)", place))
end

return web_path
