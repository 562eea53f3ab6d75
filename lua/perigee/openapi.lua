-- SPDX-License-Identifier: MIT
-- `perigee describe --format=openapi`: the handlers of HTTP as OpenAPI 3.1, in
-- JSON. Those of backends are at the API's address, all others at the port of
-- clients.

local document = require "perigee.document"
local web_path = require "perigee.web_path"

local json, sorted = document.json, document.sorted

-- Words of ours about a handler are no part of its data.
local own = { description = true, ["x-script"] = true, ["x-optional"] = true,
  ["x-emits"] = true, ["x-rate"] = true, ["x-burst"] = true }

local function data_of(schema)
  local result, empty = {}, true
  for key, value in pairs(schema or {}) do
    if not own[key] then
      result[key], empty = value, false
    end
  end
  return empty and json.decode "{}" or result
end

local function body(schema)
  return { ["application/json"] = { schema = schema } }
end

local PROBLEM = {
  description = "It was refused, or has failed (RFC 9457).",
  content = { ["application/problem+json"] = { schema = {
    ["$ref"] = "#/components/schemas/problem" } } },
}

local COMPONENTS = {
  schemas = { problem = {
    type = "object", required = json.array { "title", "status", "code" },
    properties = {
      title = { type = "string" }, status = { type = "integer" },
      code = { type = "string" }, detail = { type = "string" },
      ref = { type = "string" }, data = json.decode "{}",
    },
  } },
  securitySchemes = { key = { type = "http", scheme = "bearer",
    description = "One of api.keys that may `call`." } },
}

local function operation(id, schema, answer)
  return {
    operationId = id, summary = schema.description,
    responses = {
      ["200"] = { description = answer and "What it answers."
        or "What it answers; nothing is declared.",
        content = body(data_of(answer)) },
      default = PROBLEM,
    },
  }
end

-- A call of a backend: its data stands in the body beside the user.
local function add_call(paths, kind, schema, answer)
  local said = operation("call." .. kind, schema, answer)
  said.security = json.array { { key = json.decode "[]" } }
  said.tags = json.array { "backend" }
  said.servers = json.array { { url = "http://127.0.0.1:8081/api/v1",
    description = "admin.listen, or api.listen" } }
  said.requestBody = { content = body {
    type = "object", additionalProperties = false,
    properties = { data = data_of(schema), user = { type = "string" } },
    required = not schema["x-optional"] and json.array { "data" } or nil,
  } }
  paths["/call/" .. kind] = { post = said }
end

-- What OpenAPI calls a name; it has no star.
local function parameter_name(name)
  return name == "*" and "rest" or name
end

local function parameter(name)
  return { name = name, ["in"] = "path", required = true,
    schema = { type = "string" },
    description = name == "rest" and "What follows; it may have further `/`."
      or nil }
end

-- Methods of one path may call its parts differently, which OpenAPI does not
-- know: the names of the first hold for all. Returns the path as it is shown
-- there, and its parameters.
local function show_path(shown, path, names)
  local shape = web_path.fill(path, function() return ":" end)
  local known = shown[shape]
  if not known then
    known = { path = web_path.fill(path, function(name)
      return "{" .. parameter_name(name) .. "}"
    end) }
    for i, name in ipairs(names) do
      known[i] = parameter_name(name)
    end
    shown[shape] = known
  end
  local parameters = {}
  for i, name in ipairs(known) do
    parameters[i] = parameter(name)
  end
  return known.path, parameters
end

local function add_plain(paths, shown, kind, schema, answer)
  local method, path, names = web_path.read(kind)
  local said = operation(kind, schema, answer)
  local place, parameters = show_path(shown, path, names)
  said.parameters = #parameters > 0 and json.array(parameters) or nil
  if web_path.has_body(method) then
    said.requestBody = { required = not schema["x-optional"],
      content = body(data_of(schema)) }
  end
  paths[place] = paths[place] or {}
  paths[place][method:lower()] = said
end

-- (document, version): returns the text.
return function(text, version)
  local sections, wrong = document.read(text, "the interface")
  if not sections then
    return nil, wrong
  end
  local paths, shown = {}, {}
  for _, kind in ipairs(sorted(sections.calls)) do
    local schema, answer = sections.calls[kind], sections.answers[kind]
    if web_path.read(kind) then
      add_plain(paths, shown, kind, schema, answer)
    else
      add_call(paths, kind, schema, answer)
    end
  end
  return document.pretty {
    openapi = "3.1.0",
    info = { title = "HTTP handlers of this server", version = "1.0.0",
      description = ("Made by `perigee describe` %s from what the scripts "
        .. "declare."):format(version) },
    servers = json.array { { url = "http://127.0.0.1:8080",
      description = "the port of clients (listen)" } },
    paths = next(paths) and paths or json.decode "{}",
    components = COMPONENTS,
  }
end
