-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local cli = require "spec.support.cli"
local lfs = require "lfs"

local SECRET = "an example secret of more than 32 bytes"
local SHORT = { "--warmup=50ms", "--duration=200ms", "--json" }

-- Runs a short bench with these words; returns exit status, the JSON object,
-- standard error, standard output.
local function bench(words, opts)
  local all = { "bench", table.unpack(SHORT) }
  for _, word in ipairs(words) do -- later options win
    table.insert(all, word)
  end
  local status, out, problem = cli.run(all, opts)
  local line = out:match '{"scenario"[^\n]*}'
  return status, line and t.decode(line), problem, out
end

local function is_empty(object)
  return next(object) == nil
end

describe("perigee bench", function()
  after_each(cli.cleanup)

  it("tells its scenarios and options", function()
    for _, words in ipairs { { "bench", "--help" }, { "help", "bench" } } do
      local status, out = cli.run(words)
      assert.equal(0, status)
      for _, word in ipairs {
        "echo", "room", "rooms", "user", "idle", "storm", "--connections",
        "--rate", "--window", "--script", "--pid", "--json", "--auth.secret",
      } do
        assert.matches(word, out, 1, true)
      end
    end
  end)

  it("measures a server of its own, and leaves nothing behind", function()
    local tmp = cli.folder()
    local status, out, problem = cli.run({
      "bench", "--connections=5", "--warmup=0", "--duration=100ms",
    }, { env = { TMPDIR = tmp } })
    assert.equal(0, status, problem)
    for _, word in ipairs {
      "deliveries", "p99.9", "closed loop", "CPU per delivery", "generator",
      "errors       none",
    } do
      assert.matches(word, out, 1, true)
    end
    for name in lfs.dir(tmp) do
      assert.matches("^%.%.?$", name)
    end
  end)

  for words, receivers in pairs {
    ["echo --connections=7"] = 1,
    ["echo --connections=4 --window=8 --bytes=3000"] = 1,
    ["room --connections=6"] = 6,
    ["room --connections=6 --senders=3 --window=4"] = 6,
    ["rooms --connections=12 --room-size=4"] = 4,
    ["rooms --connections=12 --room-size=4 --senders=12"] = 4,
    ["user --connections=9"] = 1,
    ["echo --connections=7 --rate=500"] = 1,
    ["room --connections=6 --senders=2 --rate=200"] = 6,
  } do
    it("delivers what it sends: " .. words, function()
      local list = {}
      for word in words:gmatch "%S+" do list[#list + 1] = word end
      local status, r, problem = bench(list)
      assert.equal(0, status, problem)
      assert.is_true(r.sent > 0)
      assert.equal(r.sent * receivers, r.expected)
      assert.equal(r.expected, r.delivered)
      assert.equal(0, r.lost)
      assert.is_true(is_empty(r.errors))
      assert.is_true(r.server.cpu_us_per_delivery > 0)
      assert.is_true(r.generator.cores > 0)
      local times = r.latency
      assert.is_true(0 < times.p50_us and times.p50_us <= times.p90_us)
      assert.is_true(times.p90_us <= times.p99_us)
      assert.is_true(times.p99_us <= times.p999_us)
      assert.is_true(times.p999_us <= times.max_us)
    end)
  end

  it("keeps the rate that was asked for, or says by how much not", function()
    local _, r = bench { "--connections=3", "--rate=400" }
    assert.equal("open", r.loop)
    local due = 400 * r.seconds
    assert.is_true(math.abs(r.sent + r.behind - due) <= 2)
    _, r = bench { "--connections=3" }
    assert.equal("closed", r.loop)
  end)

  it("holds idle connections", function()
    local status, r = bench { "idle", "--connections=30" }
    assert.equal(0, status)
    assert.equal(30, r.connected)
    assert.equal(3, r.rooms)
    assert.equal(0, r.sent)
    assert.is_true(r.server.bytes_per_connection >= 0)
  end)

  it("connects again and again in a storm", function()
    for _, more in ipairs { "--window=1", "--rate=200" } do
      local status, r, problem = bench { "storm", "--connections=5", more,
        "--duration=1s" }
      assert.equal(0, status, problem)
      assert.is_true(r.delivered > 5)
      assert.equal(r.sent, r.delivered)
      assert.is_true(r.latency.p50_us > 0)
    end
  end)

  it("opens connections at the pace it is told", function()
    local status, r = bench { "idle", "--connections=10", "--ramp=100" }
    assert.equal(0, status)
    assert.equal(10, r.connected)
    assert.is_true(r.connects_per_s <= 112) -- the first one comes at once
  end)

  it("passes options on to its own server", function()
    local status, r = bench {
      "--connections=2", "--limits.messages_per_s=1", "--limits.burst=1",
      "--timeout=200ms", "--duration=1s",
    }
    assert.equal(1, status)
    assert.is_true(r.errors.RATE_LIMITED > 0)
    local wrong, _, problem = bench { "--limits.brst=1" }
    assert.equal(2, wrong)
    assert.matches("limits.burst", problem, 1, true)
  end)

  it("prints the handlers that another server needs", function()
    local status, handlers = cli.run { "bench", "--handlers" }
    assert.equal(0, status)
    local folder = cli.folder { ["bench.lua"] = handlers }
    assert.equal(0, (cli.run { "check", folder }))
  end)
end)

describe("perigee bench with the address of a server", function()
  local server, env

  setup(function()
    local _, handlers = cli.run { "bench", "--handlers" }
    server = t.server {
      scripts = {
        ["bench.lua"] = handlers,
        ["more.lua"] = [[return {
          echo = function(_, data) return data end,
          bye = function(client) client:close(4502, "enough") end,
          no = function() return nil, "my.no", "No" end,
        }]],
      },
      options = { ["limits.messages_per_s"] = 0, ["limits.bytes_per_s"] = 0 },
    }
    env = { PERIGEE_AUTH_SECRET = server.secret }
  end)

  teardown(function() server:stop() end)
  after_each(cli.cleanup)

  local function against(words, opts)
    return bench({ server.ws_url, table.unpack(words) },
      opts or { env = env })
  end

  local function script(text)
    return "--script=" .. cli.folder { ["my.lua"] = text } .. "/my.lua"
  end

  it("measures it, and its process if it is named", function()
    local status, r, problem = against { "room", "--connections=5" }
    assert.equal(0, status, problem)
    assert.equal(r.sent * 5, r.delivered)
    assert.equal(t.null, r.server)
    status, r = against { "--connections=5", "--pid=" .. server.pid }
    assert.equal(0, status)
    assert.is_true(r.server.cpu_s > 0)
  end)

  it("takes a secret or a token", function()
    local bare = { env = {} }
    local status = against({ "--connections=3", "--secret", server.secret },
      bare)
    assert.equal(0, status)
    status = against({ "--connections=3",
      "--token=" .. server:token { sub = "alice" } }, bare)
    assert.equal(0, status)
    local _, problem
    status, _, problem = against({}, bare)
    assert.equal(2, status)
    assert.matches("--secret", problem, 1, true)
  end)

  it("says that the token is refused", function()
    local status, r, problem = against({ "--connections=3" },
      { env = { PERIGEE_AUTH_SECRET = SECRET:reverse() } })
    assert.equal(1, status)
    assert.equal(3, r.errors.INVALID_TOKEN)
    assert.matches("auth.secret", problem, 1, true)
  end)

  it("uses any handler that returns its data for an echo", function()
    local status, r = against { "--connections=3", "--type=echo" }
    assert.equal(0, status)
    assert.equal(r.sent, r.delivered)
    local _, problem
    status, _, problem = against { "--connections=3", "--type=none" }
    assert.equal(1, status)
    assert.matches("`none`", problem, 1, true)
    assert.matches("--handlers", problem, 1, true)
  end)

  it("runs the traffic of a script", function()
    local status, r, problem, out = against { "--connections=4", script [[
      local asked, answered, pushed = 0, 0, 0
      function setup(n) print("setup " .. n) end
      function request(conn)
        conn.count = (conn.count or 0) + 1
        asked = asked + 1
        if conn.count == 1 then return "join", { room = "r" } end
        if conn.count == 2 then
          return "bench.room", { room = "r", data = conn.user }
        end
        return "echo", { conn.index, {}, "text" }
      end
      function response(conn, message)
        if message.type == "reply" then
          answered = answered + 1
          if conn.count > 2 and message.data then
            assert(message.data[1] == conn.index)
          end
        elseif message.type == "bench.room" then
          assert(message.room == "r" and message.data.data:find "^bench%-")
          pushed = pushed + 1
        end
      end
      function done(summary)
        print("done", asked == answered, pushed > 0, summary.delivered)
      end
    ]] }
    assert.equal(0, status, problem)
    assert.equal("script", r.scenario)
    assert.equal(r.sent, r.delivered)
    assert.matches("^setup 4\n", out)
    assert.matches("done\ttrue\ttrue\t" .. r.delivered, out, 1, true)
  end)

  it("runs a script at a rate", function()
    local status, r = against { "--connections=4", "--rate=300", script [[
      function request() return "echo", "hello" end
    ]] }
    assert.equal(0, status)
    assert.equal(r.sent, r.delivered)
    assert.is_true(math.abs(r.sent + r.behind - 300 * r.seconds) <= 2)
  end)

  it("counts errors by their code", function()
    local status, r = against { "--connections=4", script [[
      function request() return "no" end
    ]] }
    assert.equal(1, status)
    assert.is_true(r.errors["my.no"] >= 4)
    assert.equal(0, r.delivered)
  end)

  it("counts closes by their code", function()
    local status, r, problem = against { "--connections=4", script [[
      function request() return "bye" end
    ]] }
    assert.equal(1, status)
    assert.same({ ["close 4502 enough"] = 4 }, r.errors)
    assert.equal(r.expected, r.delivered + r.lost)
    assert.matches("all connections were lost", problem, 1, true)
  end)

  it("names file and line of a script that fails", function()
    for text, what in pairs {
      ["\nfunction request() error 'oops' end"] = "my.lua:2: oops",
      ["\nx = = 1"] = "my.lua:2:",
      ["function setup() end"] = "request(conn)",
      ["function request() return 5 end"] = "my.lua",
      ["function request() return 'echo', print end"] = "my.lua",
      ["request = 1"] = "`request` is a number",
    } do
      local status, _, problem = against { "--connections=2", script(text) }
      assert.equal(1, status)
      assert.matches(what, problem, 1, true)
    end
  end)

  it("ends on a signal, and tells what it has seen", function()
    local status, r, problem = bench({ server.ws_url, "--connections=2",
      "--duration=1h", "--warmup=0", script [[
        local count = 0
        function request()
          count = count + 1
          if count == 100 then os.execute "kill -TERM $PPID" end
          return "echo", count
        end
      ]] }, { env = env })
    assert.equal(1, status)
    assert.is_true(r.interrupted)
    assert.matches("interrupted", problem, 1, true)
    assert.is_true(r.delivered > 50)
    assert.equal(r.sent, r.delivered)
  end)

  it("says that nobody is there", function()
    local gone = t.server {}
    local url = gone.ws_url
    gone:stop()
    local status, r, problem = bench({ url, "--connections=3" },
      { env = env })
    assert.equal(1, status)
    assert.equal(3, r.errors.ECONNREFUSED)
    assert.matches("ECONNREFUSED", problem, 1, true)
  end)

  it("says what is there instead of a WebSocket", function()
    local url = server.ws_url:gsub("/ws$", "/healthz")
    local status, r = bench({ url, "--connections=2" }, { env = env })
    assert.equal(1, status)
    assert.same({ ["HTTP 404 Not Found"] = 2 }, r.errors)
  end)
end)

describe("perigee bench refuses", function()
  after_each(cli.cleanup)

  for what, case in pairs {
    ["an unknown scenario"] = { "ecko", "did you mean `echo`" },
    ["an unknown option"] = { "--conections=3", "--conections" },
    ["an option without a value"] = { "--connections", "--connections" },
    ["a number that is none"] = { "--rate=fast", "--rate" },
    ["half a connection"] = { "--connections=1.5", "--connections" },
    ["a payload without room for the mark"] = { "--bytes=10", "--bytes" },
    ["a time that is none"] = { "--duration=soon", "--duration" },
    ["more senders than connections"] = { "--senders=101", "--senders" },
    ["another protocol"] = { "https://localhost/ws", "wss://" },
    ["an address that is none"] = { "ws://local host:x/", "ws://HOST" },
    ["a process without an address"] = { "--pid=1", "URL" },
  } do
    it(what, function()
      local status, out, problem = cli.run { "bench", case[1] }
      assert.equal(2, status)
      assert.equal("", out)
      assert.matches(case[2], problem, 1, true)
    end)
  end
end)
