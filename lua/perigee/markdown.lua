-- SPDX-License-Identifier: MIT
-- `perigee describe --format=markdown`: a page for people.

local document = require "perigee.document"
local web_path = require "perigee.web_path"

local sorted = document.sorted

-- A cell of a table.
local function cell(text)
  return (text:gsub("|", "\\|"))
end

local function words_of(schema)
  local words = {}
  for _, word in ipairs(schema.enum) do
    words[#words + 1] = type(word) == "string" and ("`%s`"):format(word) or nil
  end
  return table.concat(words, ", ")
end

-- A type in words, without its fields: "array of string, at most 5 items".
local function describe(schema)
  local kind, nullable = document.kind(schema)
  local text = schema.enum and "one of " .. words_of(schema) or kind
  if kind == "array" and schema.items then
    text = "array of " .. describe(schema.items)
  end
  local limits = document.limits(schema)
  text = limits and ("%s, %s"):format(text, limits) or text
  return nullable and kind ~= "any" and kind ~= "null" and text .. ", or null"
    or text
end

-- Rows for all fields of an object, and of those in it.
local function add_fields(rows, schema, path)
  while schema.items do
    schema, path = schema.items, path .. "[]"
  end
  for _, name in ipairs(sorted(schema.properties)) do
    local value = schema.properties[name]
    local full = (path == "" and "" or path .. ".") .. name
    rows[#rows + 1] = ("| `%s` | %s | %s |\n"):format(cell(full),
      cell(describe(value)),
      document.is_required(schema, name) and "" or "may be missing")
    add_fields(rows, value, full)
  end
  local others = schema.additionalProperties
  if others == false then
    rows[#rows + 1] = "| | no other fields | |\n"
  elseif type(others) == "table" then
    rows[#rows + 1] = ("| `%s` | %s | |\n"):format(
      (path == "" and "" or path .. ".") .. "*", cell(describe(others)))
    add_fields(rows, others, path .. ".*")
  end
end

local function data(out, title, schema)
  local rows = {}
  add_fields(rows, schema, "")
  out[#out + 1] = ("%s: %s.\n\n"):format(title, describe(schema))
  if rows[1] then
    out[#out + 1] = "| field | type | |\n|---|---|---|\n"
      .. table.concat(rows) .. "\n"
  end
end

local function list(names)
  local parts = {}
  for i, name in ipairs(names) do
    parts[i] = ("`%s`"):format(name)
  end
  return table.concat(parts, ", ")
end

-- How the parts of a handler are called: those of clients, of plain HTTP, and of
-- backends. Its rate is for each of `whose`.
local of_clients = { data = "Data", reply = "Reply", whose = "user" }
local of_http = { data = "Body", reply = "Answer", whose = "address" }
local of_backends = { data = "Data", reply = "Reply", whose = "key" }

local function handler(out, kind, schema, reply, words)
  out[#out + 1] = ("### %s\n\n"):format(kind)
  if schema.description then
    out[#out + 1] = schema.description .. "\n\n"
  end
  if words ~= of_http or web_path.has_body(web_path.read(kind)) then
    data(out, words.data .. (schema["x-optional"] and " (may be missing)" or ""),
      schema)
  end
  if reply then
    data(out, words.reply, reply)
  end
  local emits = schema["x-emits"]
  if emits and emits[1] then
    out[#out + 1] = ("Sends %s.\n\n"):format(list(emits))
  end
  if schema["x-rate"] then
    out[#out + 1] = ("At most %.4g a second from one %s, %d at once.\n\n")
      :format(schema["x-rate"], words.whose, schema["x-burst"])
  end
end

-- `is_wanted` chooses among the types; nil: all of them.
local function chapter(out, title, schemas, replies, words, is_wanted)
  local has_title
  for _, kind in ipairs(sorted(schemas)) do
    if not is_wanted or is_wanted(kind) then
      out[#out + 1] = not has_title and ("## %s\n\n"):format(title) or nil
      has_title = true
      handler(out, kind, schemas[kind], replies[kind], words)
    end
  end
end

-- (document): returns the page.
return function(text)
  local sections, wrong = document.read(text, "the interface")
  if not sections then
    return nil, wrong
  end
  local out = { "<!-- Made by `perigee describe --format=markdown`. -->\n"
    .. "# Messages\n\n" }
  chapter(out, "What clients send", sections.requests, sections.replies, of_clients)
  chapter(out, "What the server sends", sections.pushes, {}, of_clients)
  chapter(out, "Plain HTTP", sections.calls, sections.answers, of_http, web_path.read)
  chapter(out, "What backends ask", sections.calls, sections.answers, of_backends,
    function(kind) return not web_path.read(kind) end)
  return (table.concat(out):gsub("\n+$", "\n"))
end
