-- SPDX-License-Identifier: MIT
-- Adapts lua-cjson when a script requires it, so that what it has decoded can
-- be sent as it is.
--
-- Releases since 2.1.0.9 know integers, and mark arrays if they are told to.
-- They are told here, and their marks are made known. 2.1.0 knows neither: `[]`
-- would go out as `{}`, and 5 as 5.0. So its `decode` is replaced: lua-cjson
-- still judges what is JSON, and then our own decoder reads the text once more,
-- exactly.

local json = require "perigee.core".json
local mark = require "perigee.foreign"

local adapt

local function read_exactly(decode)
  return function(text, ...)
    local value, why = decode(text, ...)
    if value == nil then
      return value, why -- of cjson.safe
    end
    local exact, code = json.decode(text)
    if code then
      return value -- NaN, say, or a comment
    end
    return exact
  end
end

local function adapted(new)
  return function(...)
    return adapt(new(...))
  end
end

-- Adapts the module, or a new instance of it.
function adapt(cjson)
  for name, only_empty in pairs {
    empty_array = false, array_mt = false, empty_array_mt = true,
  } do
    if cjson[name] ~= nil then
      mark(cjson[name], only_empty)
    end
  end
  if cjson.decode_array_with_array_mt then
    cjson.decode_array_with_array_mt(true)
  else
    cjson.decode = read_exactly(cjson.decode)
  end
  cjson.new = adapted(cjson.new)
  return cjson
end

-- Makes of a searcher of C modules one that adapts lua-cjson.
local function adapting(searcher)
  return function(name)
    local loader, extra = searcher(name)
    if type(loader) == "function"
      and (name == "cjson" or name == "cjson.safe") then
      return adapted(loader), extra
    end
    return loader, extra
  end
end

return adapting
