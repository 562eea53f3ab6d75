-- SPDX-License-Identifier: MIT
-- `perigee types`: TypeScript of what the scripts declare.

local document = require "perigee.document"
local web_path = require "perigee.web_path"

local kind_of, sorted = document.kind, document.sorted

local names = { string = "string", integer = "number", number = "number",
  boolean = "boolean", null = "null", any = "any" }

-- A text as TypeScript writes it.
local function quote(text)
  return "'" .. text:gsub("['\\]", "\\%0") .. "'"
end

local function key(name)
  return name:find "^[%a_$][%w_$]*$" and name or quote(name)
end

local write

-- A comment may not end before its end.
local function comment(text, indent)
  return text and ("%s/** %s */\n"):format(indent, (text:gsub("%*/", "* /")))
    or ""
end

local function field(schema, name, indent)
  local value = schema.properties[name]
  local required = document.is_required(schema, name)
  return ("%s%s%s%s: %s;\n"):format(
    comment(document.limits(value), indent), indent, key(name),
    required and "" or "?", write(value, indent))
end

local function write_object(schema, indent)
  local others = schema.additionalProperties
  local inner = indent .. "  "
  if not schema.properties then
    return ("Record<string, %s>"):format(
      type(others) == "table" and write(others, indent) or "any")
  end
  local lines = {}
  for _, name in ipairs(sorted(schema.properties)) do
    lines[#lines + 1] = field(schema, name, inner)
  end
  if type(others) == "table" then -- fields have other types than these
    lines[#lines + 1] = inner .. "[more: string]: any;\n"
  end
  return "{\n" .. table.concat(lines) .. indent .. "}"
end

local function write_words(schema)
  local words = {}
  for _, word in ipairs(schema.enum) do
    words[#words + 1] = type(word) == "string" and quote(word) or nil
  end
  return table.concat(words, " | ")
end

local function write_array(schema, indent)
  return ("Array<%s>"):format(schema.items and write(schema.items, indent)
    or "any")
end

function write(schema, indent)
  local kind, nullable = kind_of(schema)
  local text = schema.enum and write_words(schema)
    or kind == "object" and write_object(schema, indent)
    or kind == "array" and write_array(schema, indent) or names[kind]
  if nullable and kind ~= "any" and kind ~= "null" then
    text = text .. " | null"
  end
  return text
end

-- One interface. `entry(type)` is the text of a type, and a comment above it.
local function interface(name, about, types, entry)
  local lines = { ("/** %s */\nexport interface %s {\n"):format(about, name) }
  for _, kind in ipairs(types) do
    local text, note = entry(kind)
    lines[#lines + 1] = ("%s  %s: %s;\n"):format(comment(note, "  "),
      quote(kind), text)
  end
  lines[#lines + 1] = "}\n"
  return table.concat(lines)
end

local function request(schema)
  if kind_of(schema) == "any" and not schema.enum then
    return schema["x-optional"] and "unknown" or "{} | null"
  end
  local text = write(schema, "  ")
  return schema["x-optional"] and text .. " | undefined" or text
end

-- --- handlers of HTTP --------------------------------------------------------

local INNER = "    " -- of what stands in an entry

local function member(name, text, optional)
  return ("%s%s%s: %s;\n"):format(INNER, name, optional and "?" or "", text)
end

-- What is sent: a member that may be missing where the schema allows that.
local function sent(name, schema)
  local is_any = kind_of(schema) == "any" and not schema.enum
  return member(name, is_any and "unknown" or write(schema, INNER),
    schema["x-optional"])
end

local function params(parts)
  local list = {}
  for i, name in ipairs(parts) do
    list[i] = key(name) .. ": string"
  end
  return member("params", "{ " .. table.concat(list, "; ") .. " }")
end

-- The members of an entry.
local function call(kind, schema, answer)
  local method, _, parts = web_path.read(kind)
  local lines = { "{\n" }
  if not method then
    lines[2] = sent("data", schema)
  else
    lines[2] = parts[1] and params(parts) or ""
    lines[3] = web_path.has_body(method) and sent("body", schema) or ""
  end
  lines[#lines + 1] = member("answer", answer and write(answer, INNER)
    or "unknown") .. "  }"
  return table.concat(lines)
end

-- An interface of the handlers that `is_wanted`; "" if there are none.
local function calls(name, about, sections, is_wanted)
  local kinds = {}
  for _, kind in ipairs(sorted(sections.calls)) do
    kinds[#kinds + 1] = is_wanted(kind) and kind or nil
  end
  return kinds[1] and "\n" .. interface(name, about, kinds, function(kind)
    local schema = sections.calls[kind]
    return call(kind, schema, sections.answers[kind]), schema.description
  end) or ""
end

-- --- the whole ---------------------------------------------------------------

local HEAD = [[
// Made by `perigee types` from what the scripts declare: do not edit.

]]

local TAIL = [[

/** For the client: `new SocketClient<Api>('/ws')`. */
export interface Api {
  requests: Requests;
  replies: Replies;
  pushes: Pushes;
}
]]

-- (document): returns the text.
return function(text)
  local sections, wrong = document.read(text, "the interface")
  if not sections then
    return nil, wrong
  end
  local requests, replies, pushes = sections.requests, sections.replies,
    sections.pushes
  return table.concat {
    HEAD,
    interface("Requests", "What clients may send, by message type.",
      sorted(requests), function(kind)
        return request(requests[kind]), requests[kind].description
      end),
    "\n",
    interface("Replies", "What they are answered. Nothing is known of `unknown`.",
      sorted(requests), function(kind)
        return replies[kind] and write(replies[kind], "  ") or "unknown"
      end),
    "\n",
    interface("Pushes", "What the server sends by itself.", sorted(pushes),
      function(kind)
        local schema = pushes[kind]
        local optional = kind_of(schema) ~= "any" and select(2, kind_of(schema))
        return write(schema, "  ") .. (optional and " | undefined" or "")
      end),
    TAIL,
    calls("Http", "Plain HTTP, by method and path.", sections, web_path.read),
    calls("Calls", "What backends may ask: POST /api/v1/call/TYPE.", sections,
      function(kind) return not web_path.read(kind) end),
  }
end
