-- SPDX-License-Identifier: MIT
-- Which message types scripts may handle and send.

-- Types of the protocol itself.
local reserved = {
  auth = true, auth_ok = true, auth_error = true, ping = true, pong = true,
  join = true, leave = true, reply = true, error = true, goodbye = true,
  joined = true, left = true, presence = true, resync = true, history = true,
}

local function check_type(key)
  if reserved[key] or key:find("^%$") then
    return ("message type '%s' is reserved for the protocol"):format(key)
  end
  if #key > 64 or not key:find("^[%w_.:-]+$") then
    return ("message type '%s' is not 1 to 64 of A-Z a-z 0-9 _ . : -")
      :format(key)
  end
end

-- Says what is wrong with a type, if anything is.
return check_type
