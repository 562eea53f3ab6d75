-- SPDX-License-Identifier: MIT
-- A second and a third opinion about every text that a server has sent: what
-- the kit reads must be JSON for our own strict reader and for lua-cjson, and
-- the same value for the latter.
local cjson = require "cjson"
local strict = require "spec.support.json"
local testing_json = require "perigee.testing_json"

-- A long text takes our strict reader so long that the server takes the spec for
-- gone: lua-cjson is enough there.
local STRICT_BYTES = 4096

local decode, null = testing_json.decode, testing_json.null

-- lua-cjson 2.1.0 has floats only, and no arrays.
local function same(ours, theirs)
  if math.type(ours) == "integer" then -- lua-cjson knows floats only
    return ours + 0.0 == theirs
  elseif type(ours) ~= "table" or ours == null then
    return ours == theirs or ours == null and theirs == cjson.null
  end
  local count = 0
  for key, value in pairs(ours) do
    count = count + 1
    if type(theirs) ~= "table" or not same(value, theirs[key]) then
      return false
    end
  end
  for _ in pairs(theirs) do
    count = count - 1
  end
  return count == 0
end

function testing_json.decode(text)
  local value = decode(text)
  if #text <= STRICT_BYTES then
    strict.canonical(text)
  end
  if not same(value, cjson.decode(text)) then
    error("lua-cjson reads something else in " .. text, 2)
  end
  return value
end
