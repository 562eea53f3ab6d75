-- SPDX-License-Identifier: MIT
-- Several machines on one Redis: processes of this one.
--
--   local machines = machines_of(redis, { scripts = …, options = … })
--   local a, b = machines(), machines { ["limits.per_user"] = 1 }
local servers = require "spec.support.servers"

return function(redis, common)
  common.options = common.options or {}
  common.options.engine = "redis"
  if not common.options["redis.shards"] then
    common.options["redis.url"] = redis.url
  end
  local start = servers(common)
  return function(options)
    local server = start(options)
    server:wait_log "redis=[^\n]* up:"
    return server
  end
end
