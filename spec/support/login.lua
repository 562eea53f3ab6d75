-- SPDX-License-Identifier: MIT
-- Logins that may be refused.
local assert = require "luassert"

local login = {}

-- Sends the token on a new connection; returns the auth_ok data, or the code
-- of the refusal after the close that must follow.
function login.try(server, token)
  local client = server:connect { auth = false }
  local info, code = client:auth(token)
  if info then
    return info
  end
  client:expect_close(code:match "^TOKEN_" and 4003 or 4501)
  return nil, code
end

-- Fails if the token is not refused with that code.
function login.refused(server, token, expected)
  local info, code = login.try(server, token)
  assert.is_nil(info)
  assert.equal(expected or "INVALID_TOKEN", code)
end

return login
