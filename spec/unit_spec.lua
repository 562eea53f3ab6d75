-- SPDX-License-Identifier: MIT
-- The systemd unit, and what docs/operations.md says about its certificate.
-- systemd itself is not needed: what it does with credentials is a folder and
-- a variable.
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local t = require "perigee.testing"
local tls = require "spec.support.tls"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local page = read "docs/operations.md"
local unit = read "packaging/perigee.service"

local function block(language, part)
  for body in page:gmatch("```" .. language .. "\n(.-)```") do
    if body:find(part, 1, true) then
      return body
    end
  end
  error("docs/operations.md has no such block: " .. part)
end

local config = block("lua", "CREDENTIALS_DIRECTORY")
  :gsub('listen = "[^"]*"\n', "") -- the kit has its own

describe("The systemd unit", function()
  after_each(cli.cleanup)

  it("gets its certificate as a credential", function()
    local folder = cli.folder { ["perigee.cfg.lua"] = config }
    local cert = certificate(folder)
    for name in block("ini", "LoadCredential"):gmatch "LoadCredential=([^:]+):" do
      assert.matches("/" .. name, config, 1, true)
      assert.is_string(read(folder .. "/" .. name))
    end
    local server = t.server { dir = folder,
      env = { CREDENTIALS_DIRECTORY = folder },
      scripts = { ["echo.lua"] = "return { echo = function(_, d) return d end }" } }
    assert.equal(1, tls.connect(server, cert, "alice"):request("echo", 1))
    assert.matches("gen=2 is live", server:reload())
  end)

  it("says what is missing without it", function()
    local folder = cli.folder { ["perigee.cfg.lua"] = config }
    local status, _, problem = cli.run({ "check", folder }, { dir = folder })
    assert.equal(1, status)
    assert.matches("tls.cert: /etc/perigee/cert.pem: ", problem, 1, true)
  end)

  it("asks for a usual number of open files, and may have more", function()
    assert.matches("\nLimitNOFILE=65536:1048576\n", unit)
  end)

  for what, part in pairs {
    ["credentials"] = "LoadCredential=", ["a group"] = "SupplementaryGroups=",
  } do
    it("is one that systemd understands, with " .. what, function()
      if not os.execute "command -v systemd-analyze >/dev/null" then
        pending "systemd-analyze is not installed"
      end
      local binary = io.popen("realpath " .. t.binary):read "l"
      local folder = cli.folder {
        ["perigee.service"] = unit:gsub("=perigee ", "=" .. binary .. " "),
        ["perigee.service.d/tls.conf"] = block("ini", part),
      }
      local pipe = io.popen(("systemd-analyze verify --man=no "
        .. "%s/perigee.service 2>&1"):format(folder))
      local said = pipe:read "a"
      assert.equal("", said)
      assert.is_true(pipe:close())
    end)
  end
end)
