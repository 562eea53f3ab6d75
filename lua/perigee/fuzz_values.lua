-- SPDX-License-Identifier: MIT
-- Values for `perigee fuzz`: such as a schema allows, and such as it just does
-- not. The same numbers of `random` make the same values.

local json = require "perigee.testing_json"

local values = { absent = {} } -- `absent` stands for no data at all

local DEPTH = 3 -- of what may be anything
local ITEMS = 40 -- of an array that has no limit, at most
local LENGTH = 5000 -- of a text that has none

local odd = {
  "", " ", "0", "-1", "null", "nil", "true", "[]", "{}", "%s%n%d", "%", "^(.-)$",
  "../../etc/passwd", "'; drop table x; --", "<script>", "\0", "a\nb\tc", "\\",
  "\"", "__index", "__proto__", "ä", "é", "日本語", "👩‍👩‍👧", "\u{202E}x",
  "\u{FFFD}", "\u{10FFFF}", "~", "~x", "$", "1e309", "user", "a.b.c",
}

local Values = {}
Values.__index = Values

-- `random` is like math.random; `words` are texts that mean something to the
-- scripts.
function values.new(random, words)
  return setmetatable({ random = random, words = words }, Values)
end

function Values:chance(percent)
  return self.random(100) <= percent
end

function Values:pick(list)
  return list[self.random(#list)]
end

-- The keys of a table, so that the same seed does the same.
local function sorted(map)
  local keys = {}
  for key in pairs(map or {}) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function kind_of(schema)
  local kind = schema.type
  if type(kind) == "table" then
    return kind[1], true
  end
  return kind or "any", kind == "null"
end

-- --- what fits --------------------------------------------------------------

-- A text of so many characters.
local function resize(self, text, length)
  local has = utf8.len(text)
  if has > length then
    return text:sub(1, utf8.offset(text, length + 1) - 1)
  end
  local filler = self:pick { "a", "ä", " ", "0", "👍" }
  return text .. filler:rep(length - has)
end

local function make_text(self, schema)
  local low, high = schema.minLength or 0, schema.maxLength or math.huge
  local text = self:pick(self:chance(60) and #self.words > 0 and self.words
    or odd)
  if self:chance(10) then
    text = text .. self:pick(odd)
  end
  local length = utf8.len(text)
  if self:chance(8) then
    length = low
  elseif self:chance(8) then
    length = math.min(high, LENGTH)
  end
  return resize(self, text, math.floor(math.max(low, math.min(high, length))))
end

local function make_integer(self, schema)
  local low = schema.minimum or math.mininteger
  local high = schema.maximum or math.maxinteger
  local value = self:pick { low, high, 0, 1, -1, 2, 10, 1 << 31, 1 << 53,
    self.random(-100, 100), self.random(-1000000, 1000000) }
  return math.max(low, math.min(high, value))
end

-- The limits of a number, as the values that are just inside of them.
local function number_limits(schema)
  local low = schema.minimum or schema.exclusiveMinimum or -1e308
  local high = schema.maximum or schema.exclusiveMaximum or 1e308
  local step = (high - low) / 1024
  return schema.exclusiveMinimum and low + step or low + 0.0,
    schema.exclusiveMaximum and high - step or high + 0.0
end

local function make_number(self, schema)
  local low, high = number_limits(schema)
  local value = self:pick { low, high, 0.0, 1.0, -1.0, 0.1, 1e-300, 1e21,
    self.random() * 1000, (low / 2 + high / 2) }
  value = math.max(low, math.min(high, value))
  if self:chance(30) and value == math.floor(value) and math.abs(value) < 2 ^ 53
  then
    return math.tointeger(value)
  end
  return value
end

local function make_words(self, schema)
  local words = {}
  for _, word in ipairs(schema.enum) do
    words[#words + 1] = type(word) == "string" and word or nil
  end
  return self:pick(words)
end

local function make_array(self, schema, depth)
  local low, high = schema.minItems or 0, schema.maxItems or ITEMS
  local count = self:pick { low, math.min(high, ITEMS), low + self.random(0, 3) }
  local list = {}
  for i = 1, math.max(low, math.min(high, count)) do
    list[i] = self:fit(schema.items or {}, depth + 1)
  end
  return setmetatable(list, { __jsontype = "array" })
end

local function make_object(self, schema, depth)
  local object, required = {}, {}
  for _, name in ipairs(schema.required or {}) do
    required[name] = true
  end
  for _, name in ipairs(sorted(schema.properties)) do
    if required[name] or self:chance(50) then
      object[name] = self:fit(schema.properties[name], depth + 1)
    end
  end
  local others = schema.additionalProperties
  if others ~= false and self:chance(15) then
    local name = "x" .. self:pick(odd):sub(1, 1):gsub("[\128-\255]", "y")
    if not (schema.properties or {})[name] then
      object[name] = self:fit(others or {}, depth + 1)
    end
  end
  return object
end

local anything = { "string", "integer", "number", "boolean", "null", "array",
  "object" }

local makers = {
  string = make_text, integer = make_integer, number = make_number,
  array = make_array, object = make_object,
  boolean = function(self) return self:chance(50) end,
  null = function() return json.null end,
}

-- Returns a value that fits.
function Values:fit(schema, depth)
  local kind, nullable = kind_of(schema)
  depth = depth or 0
  if nullable and self:chance(20) then
    return json.null
  elseif schema.enum then
    return make_words(self, schema)
  elseif kind == "any" then
    kind = anything[self.random(depth >= DEPTH and 5 or #anything)]
    schema = {}
  end
  return makers[kind](self, schema, depth)
end

-- --- what just does not -----------------------------------------------------

-- A value of another kind.
local function other_kind(self, kind, nullable)
  local kinds = {}
  for _, name in ipairs(anything) do
    if name ~= kind and not (nullable and name == "null")
      and not (kind == "number" and name == "integer") then
      kinds[#kinds + 1] = name
    end
  end
  local other = self:pick(kinds)
  if kind == "integer" and other == "number" then
    return 0.5
  end
  return makers[other](self, {}, DEPTH)
end

-- Ways to miss what is not the kind: functions that return a value. Each
-- differs from what fits in one place.

local function text_ways(self, schema, ways)
  local low, high = schema.minLength or 0, schema.maxLength
  if low > 0 then
    table.insert(ways, function() return resize(self, "", low - 1) end)
  end
  if high and high < 100000 then
    table.insert(ways, function() return resize(self, "", high + 1) end)
  end
end

local function integer_ways(_, schema, ways)
  if schema.minimum and schema.minimum > math.mininteger then
    table.insert(ways, function() return schema.minimum - 1 end)
  end
  if schema.maximum and schema.maximum < math.maxinteger then
    table.insert(ways, function() return schema.maximum + 1 end)
  end
end

local function number_ways(_, schema, ways)
  for _, limit in ipairs { { "minimum", -1 }, { "maximum", 1 },
    { "exclusiveMinimum", 0 }, { "exclusiveMaximum", 0 } } do
    local value, step = schema[limit[1]], limit[2]
    if value then
      ways[#ways + 1] = function() return value + step end
    end
  end
end

local function array_ways(self, schema, ways)
  local low, high = schema.minItems or 0, schema.maxItems
  local function of(count)
    return make_array(self, { items = schema.items, minItems = count,
      maxItems = count }, 0)
  end
  if low > 0 then
    table.insert(ways, function() return of(low - 1) end)
  end
  if high and high < 1000 then
    table.insert(ways, function() return of(high + 1) end)
  end
  local item = schema.items and self:misfit(schema.items)
  if item ~= nil and (high or 1) > 0 then
    table.insert(ways, function()
      local list = of(math.max(low, 1))
      list[self.random(#list)] = item
      return list
    end)
  end
end

local function object_ways(self, schema, ways)
  local function but(name, value)
    return function()
      local object = make_object(self, schema, 0)
      object[name] = value
      return object
    end
  end
  for _, name in ipairs(schema.required or {}) do
    table.insert(ways, but(name, nil))
  end
  for _, name in ipairs(sorted(schema.properties)) do
    local value = self:misfit(schema.properties[name])
    if value ~= nil then
      table.insert(ways, but(name, value))
    end
  end
  local others = schema.additionalProperties
  if others == false then
    table.insert(ways, but("perigee fuzz", self:fit({}, DEPTH)))
  elseif others then
    local value = self:misfit(others)
    table.insert(ways, value ~= nil and but("perigee fuzz", value) or nil)
  end
end

local more_ways = { string = text_ways, integer = integer_ways,
  number = number_ways, array = array_ways, object = object_ways }

-- Returns a value that does not fit; nil if everything does.
function Values:misfit(schema)
  local kind, nullable = kind_of(schema)
  if kind == "any" then
    return nil
  end
  local ways = { function() return other_kind(self, kind, nullable) end }
  if schema.enum then
    ways[2] = function() return table.concat(schema.enum, "", 1, 1) .. " " end
  elseif more_ways[kind] then
    more_ways[kind](self, schema, ways)
  end
  return self:pick(ways)()
end

values.sorted = sorted

-- A text of no more than `high` characters.
function Values:text(high)
  return make_text(self, { maxLength = high })
end

-- --- the data of a message --------------------------------------------------

-- `schema` is that of a request. Data that fits, or `values.absent`.
function Values:data(schema)
  if schema["x-optional"] and self:chance(15) then
    return values.absent
  end
  return self:fit(schema)
end

-- Data that does not fit; nil if there is none.
function Values:wrong_data(schema)
  if not schema["x-optional"] and self:chance(10) then
    return values.absent
  end
  local value = self:misfit(schema)
  if value == nil and not schema["x-optional"] then
    return values.absent
  end
  return value
end

return values
