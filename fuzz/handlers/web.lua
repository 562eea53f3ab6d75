-- SPDX-License-Identifier: MIT
-- What http_fuzz.c may ask of scripts. What is answered does not look like the
-- head of an answer: these are counted there.
local perigee = require "perigee"

return {
  ["@http GET /hi"] = function() return "hi" end,
  ["@http GET /any/*"] = function(request) return { #request.path, next(request.query) ~= nil } end,
  ["@http POST /any/*"] = function(request) return #request.body end,
  ["@http PUT /wait"] = function(request)
    perigee.sleep(0)
    return { status = 201, headers = { ["X-Length"] = #request.body } }
  end,
  ["@http DELETE /order"] = {
    schema = { id = "integer" },
    handler = function(request) return nil, "NOT_FOUND", "there is none", request.data.id end,
  },
  ["@http GET /large"] = function() return ("text "):rep(2000) end,
}
