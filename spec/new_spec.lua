-- SPDX-License-Identifier: MIT
-- What `perigee new` makes, used as its README says.
local cli = require "spec.support.cli"
local http = require "spec.support.http"
local t = require "perigee.testing"

describe("perigee new", function()
  after_each(cli.cleanup)

  local function new_project()
    local project = cli.folder() .. "/deep/app"
    local status, out, problem = cli.run { "new", project }
    assert.equal(0, status, problem)
    return project, out
  end

  it("makes a project that passes its check and its specs", function()
    local project, out = new_project()
    assert.matches("perigee dev", out, 1, true)
    local status, _, problem = cli.run({ "check" }, { dir = project })
    assert.equal(0, status, problem)
    status, out, problem = cli.run({ "test", "--", "--output=TAP" },
      { dir = project })
    assert.equal(0, status, out .. problem)
    assert.matches("\nok 4 ", "\n" .. out)
  end)

  it("makes a page that talks to the server", function()
    local project = new_project()
    local server = t.server { mode = "dev", dir = project, scripts = "scripts" }
    local status, index = http.get(server.port, "/")
    assert.equal(200, status)
    local page
    status, page = http.get(server.port, "/" .. index:match 'src="([^"]+)"')
    assert.equal(200, status)
    assert.equal(200,
      (http.get(server.port, page:match "from '(/perigee.js)'")))
    local path = page:match "`(/dev/token%?user=)"
    local _, token = http.get(server.port, path .. "alice")
    local alice = server:connect { token = t.decode(token).token }
    assert.same({ reached = 1 }, alice:request("hello.say", { text = "hi" }))
    assert.matches("'hello.say'", page, 1, true)
  end)

  it("makes a backend that hears and answers", function()
    if not os.execute "node --version >/dev/null 2>&1" then
      pending "node is not here"
      return
    end
    local project = new_project()
    local env = { API_KEY = ("a"):rep(32), EVENTS_SECRET = ("e"):rep(32) }
    local server, node = require("spec.support.node").with(project .. "/backend/backend.mjs",
      env, function(url)
        env.EVENTS_URL = url
        return t.server { mode = "dev", dir = project, scripts = "scripts", env = env }
      end)
    local alice = server:connect "alice"
    alice:request("hello.say", { text = "are you there?" })
    alice:expect("hello.said", { from = "backend", text = "good question" })
    node:stop()
    assert.matches("alice is online\n.*alice said are you there%?", node:log())
  end)

  it("leaves a folder alone that is not empty, and says what is there",
    function()
      local folder = cli.folder { ["notes.txt"] = "mine" }
      local status, _, problem = cli.run { "new", folder }
      assert.equal(1, status)
      assert.matches(folder, problem, 1, true)
      assert.matches("notes.txt", problem, 1, true)
      assert.is_nil(io.open(folder .. "/perigee.cfg.lua"))
    end)

  it("does not mind an empty repository", function()
    local folder = cli.folder { [".git/HEAD"] = "ref: refs/heads/main\n" }
    local status, _, problem = cli.run({ "new", "." }, { dir = folder })
    assert.equal(0, status, problem)
    assert.is_truthy(io.open(folder .. "/scripts/hello.lua"))
  end)

  it("wants to know where", function()
    local status, _, problem = cli.run { "new" }
    assert.equal(2, status)
    assert.matches("perigee new DIR", problem, 1, true)
  end)

  it("says what it cannot write", function()
    local folder = cli.folder { file = "" }
    local status, _, problem = cli.run { "new", folder .. "/file/app" }
    assert.equal(1, status)
    assert.matches(folder .. "/file", problem, 1, true)
  end)
end)
