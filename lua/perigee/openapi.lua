-- SPDX-License-Identifier: MIT
-- `perigee describe --format=openapi`: the handlers of HTTP as OpenAPI 3.1, in
-- JSON. Those of backends are at the API's address, all others at the port of
-- clients.

local document = require "perigee.document"

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

local with_body = { POST = true, PUT = true, PATCH = true, DELETE = true }

-- A path that ends in /* takes all that begin so; OpenAPI knows parameters.
local function add_plain(paths, method, path, schema, answer)
  local said = operation(method .. " " .. path, schema, answer)
  local shown, rest = path:gsub("/%*$", "/{rest}")
  if rest > 0 then
    said.parameters = json.array { { name = "rest", ["in"] = "path",
      required = true, schema = { type = "string" },
      description = "What follows; it may have further `/`." } }
  end
  if with_body[method] then
    said.requestBody = { required = not schema["x-optional"],
      content = body(data_of(schema)) }
  end
  paths[shown] = paths[shown] or {}
  paths[shown][method:lower()] = said
end

-- (document, version): returns the text.
return function(text, version)
  local sections, wrong = document.read(text, "the interface")
  if not sections then
    return nil, wrong
  end
  local paths, some = {}, false
  for _, kind in ipairs(sorted(sections.calls)) do
    local schema, answer = sections.calls[kind], sections.answers[kind]
    local method, path = kind:match "^(%u+) (/.*)$"
    some = true
    if method then
      add_plain(paths, method, path, schema, answer)
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
    paths = some and paths or json.decode "{}",
    components = COMPONENTS,
  }
end
