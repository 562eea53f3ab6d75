-- SPDX-License-Identifier: MIT
-- A server that is started by way of a shell, which prepares what it finds.
local cli = require "spec.support.cli"
local t = require "perigee.testing"

local wrapped = {}

-- t.server(opts), where the shell runs `before` first; `redirect` stands behind
-- the command. cli.cleanup removes the script.
function wrapped.server(before, opts, redirect)
  local binary, real = t.binary, cli.binary()
  local folder = cli.folder {
    run = ('#!/bin/sh\n%s\nexec "%s" "$@" %s\n'):format(before, real,
      redirect or ""),
  }
  assert(os.execute("chmod +x " .. folder .. "/run"))
  t.binary = folder .. "/run"
  local ok, server = pcall(t.server, opts)
  t.binary = binary
  return ok and server or error(server, 2)
end

return wrapped
