-- SPDX-License-Identifier: MIT
-- Which changes of the declarations break clients that are out there.
--
-- What clients send must still be taken: each value that fitted the old schema
-- fits the new one. What they get must be what they know: each value of the new
-- schema fits the old one. Clients pass over fields that they do not know, and
-- have no use for the limits of what they get.

local document = require "perigee.document"

local json, kind_of, sorted = document.json, document.kind, document.sorted

-- Which kinds of values another kind has in it.
local inside = { integer = { number = true } }

local function fits_kind(narrow, wide)
  return wide == "any" or narrow == wide
    or inside[narrow] ~= nil and inside[narrow][wide] == true
end

-- A comparison: `sent` is whether clients send these values; `found` takes
-- { path, text }.
local function note(self, path, for_sent, for_got)
  table.insert(self.found, { path = path,
    text = self.sent and for_sent or for_got })
end

local function has(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

local function compare_words(self, narrow, wide, path)
  if not narrow.enum then
    note(self, path, "only some words are taken now", "any text may come now")
    return
  end
  for _, word in ipairs(narrow.enum) do
    if type(word) == "string" and not has(wide.enum, word) then
      note(self, path, ("'%s' is refused now"):format(word),
        ("'%s' is new"):format(word))
    end
  end
end

-- Pairs of a limit, and whether the larger one is the narrower one.
local bounds = { minimum = true, exclusiveMinimum = true, minLength = true,
  minItems = true, maximum = false, exclusiveMaximum = false,
  maxLength = false, maxItems = false }
-- What stands in for a limit that is not there.
local twins = { minimum = "exclusiveMinimum", exclusiveMinimum = "minimum",
  maximum = "exclusiveMaximum", exclusiveMaximum = "maximum" }

-- Whether a value within the limits of `narrow` may be beyond one of `wide`.
local function is_beyond(narrow, wide, key, is_lower)
  local limit, twin = wide[key], twins[key]
  local own, others = narrow[key], twin and narrow[twin]
  local strict = key:find "^exclusive" ~= nil
  if limit == nil or key == "minLength" and limit == 0 then
    return false
  end
  local function keeps(value, is_strict)
    if value == nil then
      return false
    elseif value == limit then
      return is_strict or not strict
    end
    return is_lower == (value > limit)
  end
  return not (keeps(own, strict) or keeps(others, not strict))
end

local function compare_limits(self, narrow, wide, path)
  for _, key in ipairs(sorted(bounds)) do
    if self.sent and is_beyond(narrow, wide, key, bounds[key]) then
      note(self, path, ("%s now, was %s"):format(document.limits(wide),
        document.limits(narrow) or "without limits"))
      return
    end
  end
end

local compare

-- A field that one of the two names.
local function compare_field(self, narrow, wide, name, path)
  local of_narrow = narrow.properties and narrow.properties[name]
  local of_wide = wide.properties and wide.properties[name]
  local full = ("%s.%s"):format(path, name)
  if document.is_required(wide, name)
    and not document.is_required(narrow, name) then
    note(self, full, "must be there now",
      of_narrow and "may be missing now" or "is not there any more")
  end
  if of_narrow and of_wide then
    compare(self, of_narrow, of_wide, full)
  elseif of_narrow and wide.additionalProperties == false and self.sent then
    note(self, full, "is refused now")
  elseif of_narrow and type(wide.additionalProperties) == "table" then
    compare(self, of_narrow, wide.additionalProperties, full)
  end
end

local function compare_others(self, narrow, wide, path)
  local of_narrow, of_wide = narrow.additionalProperties,
    wide.additionalProperties
  if of_narrow == false or of_wide == nil then
    return
  elseif of_wide == false then
    if self.sent then
      note(self, path, "other fields are refused now")
    end
  elseif type(of_narrow) == "table" then
    compare(self, of_narrow, of_wide, path .. ".*")
  elseif kind_of(of_wide) ~= "any" then
    note(self, path .. ".*", ("must be %s now"):format(kind_of(of_wide)),
      "may be anything now")
  end
end

local function compare_object(self, narrow, wide, path)
  local names = {}
  for _, schema in ipairs { narrow, wide } do
    for name in pairs(schema.properties or {}) do
      names[name] = true
    end
  end
  for _, name in ipairs(sorted(names)) do
    compare_field(self, narrow, wide, name, path)
  end
  compare_others(self, narrow, wide, path)
end

-- Notes which values of `narrow` are none of `wide`.
function compare(self, narrow, wide, path)
  local kind, nullable = kind_of(narrow)
  local wide_kind, wide_nullable = kind_of(wide)
  if not fits_kind(kind, wide_kind) and kind ~= "null" then
    local old, new = kind, wide_kind
    if not self.sent then
      old, new = new, old
    end
    note(self, path, ("is %s now, was %s"):format(new, old),
      ("is %s now, was %s"):format(new, old))
    return
  end
  local is_told = self.is_told and path == "data"
  if nullable and not wide_nullable and kind ~= "any" and not is_told then
    note(self, path, "may not be null any more", "may be null now")
  end
  if wide.enum then
    compare_words(self, narrow, wide, path)
  elseif wide_kind == "array" then
    compare(self, narrow.items or {}, wide.items or {}, path .. "[]")
  elseif wide_kind == "object" then
    compare_object(self, narrow, wide, path)
  end
  compare_limits(self, narrow, wide, path)
end

-- --- sections ---------------------------------------------------------------

-- { section, what one is called, whether clients send it }
local sections = {
  { "requests", "request", true }, { "replies", "reply", false },
  { "pushes", "push", false }, { "calls", "call", true },
  { "answers", "answer", false },
}

-- Whether a handler of the type is still there: then its reply may be gone.
local owners = { replies = "requests", answers = "calls" }

-- The same text for the same declaration, whichever script it is in.
local function print_of(schema)
  local copy = {}
  for key, value in pairs(schema) do
    copy[key] = key ~= "x-script" and value or nil
  end
  return document.pretty(copy)
end

local function compare_type(out, section, kind, old, new)
  local self = { sent = section[3], found = {} }
  local what = { part = section[2], type = kind }
  local narrow, wide = old, new
  if not self.sent then
    narrow, wide = new, old
  end
  if self.sent and old["x-optional"] and not new["x-optional"] then
    note(self, "data", "must be there now")
    self.is_told = true
  end
  compare(self, narrow, wide, "data")
  for _, entry in ipairs(self.found) do
    table.insert(out.breaking, { part = what.part, type = kind,
      path = entry.path, text = entry.text })
  end
  if not self.found[1] and print_of(old) ~= print_of(new) then
    what.text = "has changed"
    table.insert(out.compatible, what)
  end
end

local function compare_section(out, section, old, new)
  local name, owner = section[1], owners[section[1]]
  local kinds = {}
  for _, side in ipairs { old, new } do
    for kind in pairs(side[name]) do
      kinds[kind] = true
    end
  end
  for _, kind in ipairs(sorted(kinds)) do
    local before, after = old[name][kind], new[name][kind]
    if before and after then
      compare_type(out, section, kind, before, after)
    elseif after then
      table.insert(out.compatible,
        { part = section[2], type = kind, text = "is new" })
    elseif not owner or new[owner][kind] then -- else the request is gone, too
      table.insert(out.breaking, { part = section[2], type = kind,
        text = owner and "is not declared any more" or "is gone" })
    end
  end
end

-- (old document, new document, name of the old one): returns a JSON object with
-- `breaking` and `compatible`, both lists of { part, type, path?, text }.
return function(before, after, name)
  local old, wrong = document.read(before, name)
  local new, problem = document.read(after, "the interface")
  if not old or not new then
    return nil, wrong or problem
  end
  local out = { breaking = json.array {}, compatible = json.array {} }
  for _, section in ipairs(sections) do
    compare_section(out, section, old, new)
  end
  return json.encode(out)
end
