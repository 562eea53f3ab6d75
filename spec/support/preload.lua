-- SPDX-License-Identifier: MIT
-- Loads C modules and what uses them once: busted forgets loaded modules
-- between files, and these are slow to load again.
require "spec.support.opinion" -- before it is used
require "perigee.testing_client"
require "openssl.hmac"
require "openssl.pkey"
require "lfs"
require "cqueues.socket"
