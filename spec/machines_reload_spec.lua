-- SPDX-License-Identifier: MIT
-- Several machines: a reload of all of them, and who has which scripts.

local admin = require "spec.support.admin"
local cli = require "spec.support.cli"
local machines_on = require "spec.support.machines"
local redis_server = require "spec.support.redis"
local t = require "perigee.testing"

local function script(version, more)
  return ("return { version = function() return %d end, %s }"):format(version, more or "")
end

describe("perigee reload --all", function()
  local redis, machines

  before_each(function()
    redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script(1) },
      options = { ["node.lease_s"] = 300, ["redis.probe_s"] = 0.2 } })
    machines = {}
    for i = 1, 3 do machines[i] = start { ["node.name"] = "web-" .. i } end
    t.wait_until(function()
      local _, body = admin.get(machines[1], "/nodes")
      return #t.decode(body).nodes == 3
    end)
  end)

  after_each(function()
    for _, machine in ipairs(machines) do
      if machine.killed then machine:stop(false) else machine:stop() end
    end
    redis:stop()
    cli.cleanup()
  end)

  local function reload(at, ...)
    return cli.run({ "reload", "--all", "--admin=" .. machines[at].admin, ... },
      { timeout = 60 })
  end

  local function write(text)
    for _, machine in ipairs(machines) do machine:write("main.lua", text) end
  end

  local function versions(...)
    for i, version in ipairs { ... } do
      local client = machines[i]:connect { user = "ann" }
      assert.equal(version, client:request "version")
      client:close()
    end
  end

  it("loads on all machines, and tells what each has said", function()
    write(script(2, "more = function() end"))
    local status, out, problem = reload(2)
    assert.equal(0, status, problem)
    assert.equal("", problem)
    for i = 1, 3 do
      assert.matches(("web%%-%d: generation 2 is live: 1 files, 2 handlers"):format(i), out)
    end
    assert.matches("added    more", out, 1, true)
    versions(2, 2, 2)
    write(script(3))
    assert.equal(0, (reload(3)))
    versions(3, 3, 3)
  end)

  it("loads nowhere when one machine cannot", function()
    write(script(2))
    machines[3]:write("bad.lua", "\nreturn { = }")
    local status, out, problem = reload(1)
    assert.equal(1, status)
    assert.matches("web-1: could load: 1 files, 1 handlers", out, 1, true)
    assert.matches("web%-3: [^\n]*bad.lua:2: ", problem)
    assert.matches("perigee: web-3 cannot load: nothing was loaded on any machine",
      problem, 1, true)
    machines[2]:wait_log "reload failed, gen=1 goes on: web%-3 cannot load"
    versions(1, 1, 1)
    machines[3]:write("bad.lua", "return {}")
    assert.equal(0, (reload(1)))
    versions(2, 2, 2)
  end)

  it("only looks with --check", function()
    write(script(2, "more = function() end"))
    local status, out, problem = reload(1, "--check")
    assert.equal(0, status, problem)
    assert.matches("web-3: the scripts are good, generation 1 goes on", out, 1, true)
    versions(1, 1, 1)
    machines[2]:write("main.lua", "return {")
    local _
    status, _, problem = reload(1, "--check")
    assert.equal(1, status)
    assert.matches("perigee: web-2 cannot load\n", problem, 1, true)
    machines[2]:write("main.lua", "return {}")
    status, out = reload(1, "--check")
    assert.equal(3, status)
    assert.matches("breaking    request version", out, 1, true)
  end)

  it("is refused when a machine does not answer, whose name is told", function()
    machines[2]:signal "STOP"
    write(script(2))
    local status, out, problem = reload(1)
    assert.equal(1, status)
    assert.matches("web-2: no answer in time", problem, 1, true)
    assert.matches("perigee: web%-2 has not answered in %d s: nothing was loaded", problem)
    assert.matches("web-3: could load", out, 1, true)
    machines[2]:signal "CONT"
    versions(1, 1, 1)
    t.wait_until(function() return reload(1) == 0 end)
    versions(2, 2, 2)
  end)

  it("is given up by all when the machine that was asked dies", function()
    machines[2]:signal "STOP" -- the vote is not over before that
    write(script(2))
    local read = admin.begin(machines[1], "POST /reload?all=1")
    for i = 1, 3, 2 do machines[i]:wait_log "web%-1 asks all machines to load" end
    machines[1]:signal "KILL"
    machines[1].killed = true
    pcall(read)
    machines[2]:signal "CONT"
    for i = 2, 3 do
      t.wait_until(function()
        return machines[i]:log():find "gen=1 goes on: web%-%d has not heard what is decided"
      end, 60)
      local client = machines[i]:connect { user = "ann" }
      assert.equal(1, client:request "version")
      assert.equal(200, (admin.post(machines[i], "/reload")))
      assert.equal(2, client:request "version")
    end
  end)

  it("tells of a machine whose @start has failed", function()
    write(script(2))
    machines[2]:write("main.lua", script(2, [[["@start"] = function() error "no" end]]))
    local status, out, problem = reload(1)
    assert.equal(1, status)
    assert.matches("web-1: generation 2 is live", out, 1, true)
    assert.matches("web-2: generation 2 is live all the same", problem, 1, true)
    assert.matches("perigee: web-2's @start has failed: all machines were told to load",
      problem, 1, true)
    versions(2, 2, 2)
  end)

  it("says so when Redis is not there", function()
    redis:kill()
    local status, _, problem
    t.wait_until(function()
      status, _, problem = reload(1)
      return problem:find "Redis is not there"
    end)
    assert.equal(1, status)
    versions(1, 1, 1)
  end)

  it("is refused to a second one who asks meanwhile", function()
    machines[3]:signal "STOP"
    local read = admin.begin(machines[1], "POST /reload?all=1")
    machines[2]:wait_log "web%-1 asks all machines to load"
    local status, _, problem = reload(1)
    assert.equal(1, status)
    assert.matches("under way already", problem, 1, true)
    local other = admin.begin(machines[2], "POST /reload?all=1")
    machines[3]:signal "CONT"
    local answer = other()
    assert.is_false(answer.ok)
    assert.matches("web-1 is part of another reload", answer.message, 1, true)
    assert.matches(": this reload has loaded nothing", answer.message, 1, true)
    read()
    t.wait_until(function() return reload(2) == 0 end)
  end)
end)

describe("machines with different scripts", function()
  it("say so", function()
    local redis = redis_server()
    local function start(number)
      return machines_on(redis, { scripts = { ["main.lua"] = script(number) },
        options = { ["node.name"] = "web-" .. number } })()
    end
    local a, b = start(1), start(2)
    b:wait_log "scripts: those of this machine are not those of web%-1"
    t.wait_until(function()
      return a:log():find "scripts: those of this machine are not those of web%-2"
    end, 60)
    local _, out = cli.run { "nodes", "--admin=" .. a.admin }
    assert.matches("Not all have the same scripts", out, 1, true)
    t.wait_until(function()
      return admin.metric(b, "perigee_cluster_other_scripts") == 1
    end)
    a:write("main.lua", script(2))
    assert.equal(200, (admin.post(a, "/reload")))
    a:wait_log "scripts: all machines have the same again"
    t.wait_until(function()
      _, out = cli.run { "nodes", "--admin=" .. a.admin }
      return not out:find "Not all"
    end)
    a:stop()
    b:stop()
    redis:stop()
    cli.cleanup()
  end)

  it("are told apart by names, and the elder says when there is another one of its own", function()
    local redis = redis_server()
    local start = machines_on(redis, { scripts = { ["main.lua"] = script(1) },
      options = { ["node.name"] = "web" } })
    local a = start()
    local b = start()
    t.wait_until(function()
      return a:log():find "node.name=web: another machine has this name, too"
    end, 60)
    a:stop()
    b:stop()
    redis:stop()
  end)

  it("are none with another engine", function()
    local alone = t.server {}
    local status, _, problem = cli.run { "reload", "--all", "--admin=" .. alone.admin }
    assert.equal(1, status)
    assert.matches("alone", problem, 1, true)
    alone:stop()
    cli.cleanup()
  end)
end)
