-- SPDX-License-Identifier: MIT
-- JSON texts compared exactly, and random ones to compare.
--
-- `canonical` is a strict reader that answers one text for all spellings of
-- one value: keys sorted, no blanks, strings as plain UTF-8. An integer keeps
-- its digits; what is written as a float stays marked as one, so that 5 and
-- 5.0 differ.
local json = {}

local escapes = {
  b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/",
}

local value -- forward: values nest

local function fail(text, at, what)
  error(("%s at byte %d of %s"):format(what, at, text:sub(1, 200)), 0)
end

local function skip(text, at)
  return text:match("^[ \t\r\n]*()", at)
end

-- The character of a \u escape whose digits begin at `at`.
local function unicode(text, at)
  local code = tonumber(text:match("^%x%x%x%x", at), 16)
  if code >= 0xD800 and code < 0xDC00 then
    local low = text:match("^\\u([dD][c-fC-F]%x%x)", at + 4)
    if not low then fail(text, at, "lone surrogate") end
    code = 0x10000 + ((code - 0xD800) << 10) + tonumber(low, 16) - 0xDC00
    return utf8.char(code), at + 10
  end
  return utf8.char(code), at + 4
end

local function string(text, at)
  local parts = {}
  at = at + 1
  while true do
    local plain, stop = text:match('^([^"\\%c]*)()', at)
    parts[#parts + 1] = plain
    local c = text:sub(stop, stop)
    if c == '"' then
      local whole = table.concat(parts)
      if not utf8.len(whole) then fail(text, at, "invalid UTF-8") end
      return ("%q"):format(whole), stop + 1
    elseif c == "\127" then
      parts[#parts + 1], at = c, stop + 1
    elseif c ~= "\\" then
      fail(text, stop, "unfinished string")
    elseif text:sub(stop + 1, stop + 1) == "u" then
      parts[#parts + 1], at = unicode(text, stop + 2)
    else
      local escape = escapes[text:sub(stop + 1, stop + 1)]
      parts[#parts + 1] = escape or fail(text, stop, "bad escape")
      at = stop + 2
    end
  end
end

local function number(text, at)
  local digits, stop = text:match("^([-+.%w]+)()", at)
  local whole, rest = (digits or ""):match "^%-?(%d+)(.*)$"
  if not whole then fail(text, at, "no value") end
  local stop_of_fraction = rest:match "^%.%d+()" or 1
  local rest_of_it = rest:sub(stop_of_fraction)
  if whole:find "^0%d" or not (rest_of_it == ""
    or rest_of_it:find "^[eE][+-]?%d+$") then
    fail(text, at, "bad number")
  elseif rest == "" then
    return digits == "-0" and "0" or digits, stop
  end
  return ("float %.17g"):format(tonumber(digits)), stop
end

local function list(text, at, close, item)
  local items = {}
  at = skip(text, at + 1)
  while text:sub(at, at) ~= close do
    if #items > 0 then
      if text:sub(at, at) ~= "," then fail(text, at, "no comma") end
      at = skip(text, at + 1)
    end
    items[#items + 1], at = item(text, at)
    at = skip(text, at)
  end
  return items, at + 1
end

local function pair(text, at)
  local key, stop = string(text, at)
  stop = skip(text, stop)
  if text:sub(stop, stop) ~= ":" then fail(text, stop, "no colon") end
  local item
  item, stop = value(text, skip(text, stop + 1))
  return key .. ":" .. item, stop
end

function value(text, at)
  local c = text:sub(at, at)
  if c == '"' then
    return string(text, at)
  elseif c == "[" then
    local items, stop = list(text, at, "]", value)
    return "[" .. table.concat(items, ",") .. "]", stop
  elseif c == "{" then
    local items, stop = list(text, at, "}", pair)
    table.sort(items)
    return "{" .. table.concat(items, ",") .. "}", stop
  end
  local word = text:match("^%l+", at)
  if word == "null" or word == "true" or word == "false" then
    return word, at + #word
  end
  return number(text, at)
end

function json.canonical(text)
  local result, at = value(text, skip(text, 1))
  if skip(text, at) <= #text then fail(text, at, "trailing text") end
  return result
end

local random = math.random

local function random_code()
  local plane = random(0, 3)
  if plane < 2 then
    return random(0, 0x7F) -- with all control characters
  end
  local code = plane == 2 and random(0x80, 0xFFFF) or random(0x10000, 0x10FFFF)
  return (code < 0xD800 or code > 0xDFFF) and code or 0xFFFD
end

-- A character in one of its spellings.
local function random_char()
  local code = random_code()
  if code >= 0x20 and code ~= 0x22 and code ~= 0x5C and random(4) > 1 then
    return utf8.char(code)
  elseif code > 0xFFFF then
    local rest = code - 0x10000
    return ("\\u%04x\\u%04X"):format(0xD800 + (rest >> 10),
      0xDC00 + (rest & 0x3FF))
  end
  return ("\\u%04x"):format(code)
end

local function random_string()
  local chars = {}
  for i = 1, random(0, 12) do
    chars[i] = random_char()
  end
  return '"' .. table.concat(chars) .. '"'
end

local function random_number()
  local kind = random(4)
  if kind == 1 then
    return tostring(random(-100, 100))
  elseif kind == 2 then
    return tostring(random(-2 ^ 53 | 0, 2 ^ 53 | 0))
  end
  -- Not a whole number: whether 1e3 is an integer is a matter of taste.
  local float = (random() - 0.5) * 10 ^ random(-30, 3)
  local text = ("%.17g"):format(float)
  return text:find "[.e]" and float % 1 ~= 0 and text or "0.5"
end

-- The text of a random value.
function json.random(depth)
  local kind = random(depth > 0 and 7 or 5)
  if kind == 1 then
    return ({ "null", "true", "false", "[]", "{}" })[random(5)]
  elseif kind <= 3 then
    return random_number()
  elseif kind <= 5 then
    return random_string()
  end
  local items = {}
  for i = 1, random(0, 5) do
    local item = json.random(depth - 1)
    -- The number makes the key unique.
    items[i] = kind == 6 and item
      or ('"%d%s:%s'):format(i, random_string():sub(2), item)
  end
  local text = table.concat(items, random(2) == 1 and "," or " ,\n")
  return kind == 6 and "[" .. text .. "]" or "{" .. text .. "}"
end

return json
