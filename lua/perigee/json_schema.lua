-- SPDX-License-Identifier: MIT
-- `perigee describe --format=json-schema`: the document itself, to be kept.

local document = require "perigee.document"

return function(text)
  return document.pretty(document.json.decode(text))
end
