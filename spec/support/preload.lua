-- SPDX-License-Identifier: MIT
-- Loads C modules and what uses them once: busted forgets loaded modules
-- between files, and these are slow to load again.
require "spec.support.opinion" -- before it is used
require "perigee.testing_client"
require "openssl.hmac"
require "openssl.pkey"
require "lfs"
require "cqueues.socket"

-- Clients of the kit answer pings while they are read. A spec that is elsewhere
-- for long, on a machine that is busy, should not lose them; and none should
-- come, at a random time, where nothing is expected.
local defaults = require("perigee.testing").defaults
defaults["heartbeat.interval_s"], defaults["heartbeat.timeout_s"] = 3600, 3600
