-- SPDX-License-Identifier: MIT
-- `perigee describe --format=asyncapi`: the messages as AsyncAPI 3.1, in JSON.
-- Everything is on one channel, the WebSocket at /ws.

local document = require "perigee.document"

local json, sorted = document.json, document.sorted

-- Words of ours about a handler are no part of its data.
local own = { description = true, ["x-script"] = true, ["x-optional"] = true,
  ["x-emits"] = true, ["x-rate"] = true, ["x-burst"] = true }

local function data_of(schema)
  local result = {}
  for key, value in pairs(schema) do
    if not own[key] then
      result[key] = value
    end
  end
  return result
end

-- Names in components may not have all characters that types may have.
local function component(section, kind)
  return section .. "." .. kind:gsub(":", "-")
end

local function envelope(kind, schema, more)
  local properties = { type = { const = kind }, data = data_of(schema) }
  local required = { "type" }
  for name, value in pairs(more or {}) do
    properties[name] = value
  end
  if not select(2, document.kind(schema)) and not schema["x-optional"] then
    required[2] = "data"
  end
  return { type = "object", properties = properties, required = required }
end

local ID = { type = { "string", "integer" },
  description = "Chosen by the client; the answer has the same." }

local function message(kind, schema, more, summary)
  return { name = kind, summary = summary, contentType = "application/json",
    payload = envelope(kind, schema, more) }
end

local function reference(name)
  return { ["$ref"] = "#/channels/socket/messages/" .. name }
end

local ERROR = {
  name = "error", summary = "A request was refused, or has failed.",
  contentType = "application/json",
  payload = {
    type = "object", required = json.array { "type", "data" },
    properties = {
      type = { const = "error" }, id = ID,
      data = {
        type = "object", required = json.array { "code", "message" },
        properties = {
          code = { type = "string" }, message = { type = "string" },
          retry = { type = "boolean" }, retry_after_ms = { type = "integer" },
          ref = { type = "string" }, data = json.decode "{}",
        },
      },
    },
  },
}

local function add_request(api, kind, schema, reply)
  local asked, answered = component("request", kind), component("reply", kind)
  api.messages[asked] = message(kind, schema, { id = ID }, schema.description)
  api.messages[answered] = message("reply", reply or {}, { id = ID },
    ("Answers %s."):format(kind))
  api.operations[asked] = {
    action = "receive", summary = schema.description,
    channel = { ["$ref"] = "#/channels/socket" },
    messages = json.array { reference(asked) },
    reply = { channel = { ["$ref"] = "#/channels/socket" },
      messages = json.array { reference(answered), reference "error" } },
  }
end

local function add_push(api, kind, schema)
  local name = component("push", kind)
  api.messages[name] = message(kind, schema, {
    room = { type = "string", description = "The room it was sent to, if any." },
    seq = { type = "integer", description = "Its number, in a room with a history." },
  })
  api.operations[name] = {
    action = "send", channel = { ["$ref"] = "#/channels/socket" },
    messages = json.array { reference(name) },
  }
end

-- (document, version): returns the text.
return function(text, version)
  local sections, wrong = document.read(text, "the interface")
  if not sections then
    return nil, wrong
  end
  local api = { messages = { error = ERROR }, operations = {} }
  for _, kind in ipairs(sorted(sections.requests)) do
    add_request(api, kind, sections.requests[kind], sections.replies[kind])
  end
  for _, kind in ipairs(sorted(sections.pushes)) do
    add_push(api, kind, sections.pushes[kind])
  end
  return document.pretty {
    asyncapi = "3.1.0",
    info = { title = "Messages of this server", version = "1.0.0",
      description = ("Made by `perigee describe` %s from what the scripts "
        .. "declare."):format(version) },
    defaultContentType = "application/json",
    channels = { socket = { address = "/ws", messages = api.messages,
      description = "One WebSocket for everything; a login comes first.",
      bindings = { ws = json.decode "{}" } } },
    operations = api.operations,
  }
end
