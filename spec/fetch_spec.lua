-- SPDX-License-Identifier: MIT
local certificate = require "spec.support.certificate"
local t = require "perigee.testing"
local web = require "spec.support.web"

local script = [[
  local perigee = require "perigee"
  local too_early = select(2, pcall(perigee.fetch, "http://127.0.0.1/"))

  local function fetch(_, data)
    local answer, code, text = perigee.fetch(data.url, data.opts)
    return answer or { code = code, text = text }
  end

  return {
    fetch = fetch,
    ["fetch.raise"] = function(_, data)
      local ok, problem = pcall(function()
        local answer = perigee.fetch(data.url, data.opts)
        return answer
      end)
      return not ok and problem or "it did not raise"
    end,
    ["fetch.bytes"] = function(_, url)
      local bytes = {}
      for i = 0, 255 do bytes[i + 1] = string.char(i) end
      local body = table.concat(bytes)
      return perigee.fetch(url, { body = body }).body == body
    end,
    ["fetch.tell"] = function(client, data)
      local answer = perigee.fetch(data.url)
      perigee.send_to_user(data.user, { type = "told",
        data = { body = answer.body, is_open = client:is_open() } })
    end,
    ["fetch.zero"] = function()
      local _, code, text = perigee.fetch "http://127.0.0.1/\0"
      return { code = code, text = text }
    end,
    early = function() return too_early end,
    ping_me = function() return "here" end,
  }
]]

local function threads(server)
  local file <close> = io.open(("/proc/%d/status"):format(server.pid))
  return assert(tonumber(file:read("a"):match "Threads:%s*(%d+)"))
end

describe("perigee.fetch", function()
  local server, site, alice

  lazy_setup(function()
    site = web.start()
    server = t.server {
      scripts = { ["main.lua"] = script },
      options = { ["limits.per_ip"] = 0, ["limits.per_user"] = 0 },
      env = { http_proxy = "http://127.0.0.1:1", ALL_PROXY = "127.0.0.1:1" },
    }
  end)

  lazy_teardown(function()
    server:stop()
    site:stop()
  end)

  before_each(function() alice = server:connect { user = "alice" } end)

  local function fetch(path, opts)
    local url = path:sub(1, 1) == "/" and site.url .. path or path
    return assert(alice:request("fetch", { url = url, opts = opts }))
  end

  local function echo(opts)
    return t.decode(fetch("/echo", opts).body)
  end

  -- What the options make it raise.
  local function raises(opts)
    return alice:request("fetch.raise", { url = site.url, opts = opts })
  end

  it("gets a page", function()
    local answer = fetch "/status/200"
    assert.equal(200, answer.status)
    assert.equal("status 200", answer.body)
    assert.equal("10", answer.headers["content-length"])
  end)

  it("answers with any status", function()
    for _, status in ipairs { 201, 404, 500, 503 } do
      assert.equal(status, fetch("/status/" .. status).status)
    end
  end)

  it("sends what it was told, and says who it is", function()
    local seen = echo {
      method = "PUT",
      headers = { ["X-Device"] = "phone", ["x-number"] = 5, ["x-empty"] = "" },
      body = "some text",
    }
    assert.equal("PUT", seen.method)
    assert.equal("some text", seen.body)
    assert.equal("phone", seen.headers["x-device"])
    assert.equal("5", seen.headers["x-number"])
    assert.equal("", seen.headers["x-empty"])
    assert.is_nil(seen.headers["content-type"])
    assert.matches("^perigee/", seen.headers["user-agent"])
  end)

  it("posts a body", function()
    local seen = echo { body = "a=1" }
    assert.equal("POST", seen.method)
    assert.equal("a=1", seen.body)
    assert.equal("GET", echo().method)
  end)

  it("posts JSON", function()
    local value = { list = { 1, 2.5, "é" }, empty = t.array {}, none = t.null }
    local seen = echo { json = value }
    assert.equal("POST", seen.method)
    assert.equal("application/json", seen.headers["content-type"])
    assert.equal(t.encode(value), t.encode(t.decode(seen.body)))
    seen = echo { json = 5, method = "PATCH",
      headers = { ["content-type"] = "application/merge-patch+json" } }
    assert.equal("PATCH", seen.method)
    assert.equal("5", seen.body)
    assert.equal("application/merge-patch+json", seen.headers["content-type"])
  end)

  it("carries any bytes", function()
    assert.is_true(alice:request("fetch.bytes", site.url .. "/same"))
  end)

  it("asks for the head only", function()
    local answer = fetch("/status/200", { method = "HEAD" })
    assert.equal(200, answer.status)
    assert.equal("", answer.body)
  end)

  it("joins headers that come twice, and lists cookies", function()
    local headers = fetch("/headers").headers
    assert.equal("a, b", headers["x-one"])
    assert.equal("", headers["x-empty"])
    assert.same({ "a=1, 2", "b=3" }, headers["set-cookie"])
  end)

  it("follows redirects when it is told to", function()
    local path = "/redirect/" .. site.url .. "/status/203"
    assert.equal(302, fetch(path).status)
    assert.equal(site.url .. "/status/203", fetch(path).headers.location)
    assert.equal(203, fetch(path, { redirects = 1 }).status)
    local twice = "/redirect/" .. site.url .. path
    assert.equal("failed", fetch(twice, { redirects = 1 }).code)
    assert.equal(203, fetch(twice, { redirects = 2 }).status)
    assert.equal("failed",
      fetch("/redirect/file:///etc/passwd", { redirects = 1 }).code)
  end)

  it("does not show credentials to another host", function()
    local other = web.start()
    finally(function() other:stop() end)
    local headers = { Authorization = "Bearer abc", Cookie = "a=1" }
    local function seen_after(target)
      return t.decode(fetch("/redirect/" .. target .. "/echo",
        { redirects = 1, headers = headers }).body).headers
    end
    assert.equal("Bearer abc", seen_after(site.url).authorization)
    assert.is_nil(seen_after(other.url).authorization)
    assert.is_nil(seen_after(other.url).cookie)
    local with_user = site.url:gsub("//", "//user:secret@")
    local answer = fetch(with_user .. "/redirect/" .. other.url .. "/echo",
      { redirects = 1 })
    assert.is_nil(t.decode(answer.body).headers.authorization)
  end)

  it("takes so much and not more", function()
    assert.equal(1000, #fetch("/bytes/1000", { max_bytes = 1000 }).body)
    assert.equal("too_large", fetch("/bytes/1001", { max_bytes = 1000 }).code)
    assert.equal("too_large", fetch("/bytes/1048577").code)
  end)

  it("takes so many headers and not more", function()
    assert.equal(1000 * #"b, " - 2, #fetch("/lines/1000").headers.a)
    local answer = fetch "/lines/3000"
    assert.equal("too_large", answer.code)
    assert.equal("the headers take more than 262144 bytes", answer.text)
  end)

  it("waits for a limited time", function()
    local answer = fetch("/hold/never", { timeout = 0.1 })
    assert.equal("timeout", answer.code)
    assert.equal("not done after 0.1 s", answer.text)
  end)

  it("says that nobody listens", function()
    local gone = web.start()
    gone:stop()
    assert.equal("refused", fetch(gone.url).code)
  end)

  it("says that there is no such host", function()
    local answer = fetch "http://user:secret@nobody.invalid/"
    assert.equal("dns", answer.code)
    assert.not_matches("secret", answer.text, 1, true)
  end)

  it("says what is no web address", function()
    for _, url in ipairs { "", "/path", "example.com/", "file:///etc/passwd",
      "ftp://127.0.0.1/", "http://", "http://user:secret@:8080/",
      "http://127.0.0.1/a b\r\nX-Evil: 1" } do
      local answer = alice:request("fetch", { url = url })
      assert.equal("bad_url", answer.code, url)
      assert.not_matches("secret", answer.text, 1, true)
    end
    assert.equal("bad_url", alice:request("fetch.zero").code)
  end)

  it("raises for options that are not there, and knows what was meant",
    function()
      assert.matches("main.lua:%d+: perigee.fetch: there is no opts.timout; "
        .. "did you mean opts.timeout?", raises { timout = 5 })
      assert.matches("there is no opts.completely_else$",
        raises { completely_else = 5 })
    end)

  it("raises for options that are wrong, and names them", function()
    for text, opts in pairs {
      ["opts.timeout must be a number of seconds"] = { timeout = "5" },
      ["opts.timeout must be a number"] = { timeout = 0 },
      ["opts.connect_timeout must be"] = { connect_timeout = -1 },
      ["opts.redirects must be a whole number from 0 to 20, not 1.5"] =
        { redirects = 1.5 },
      ["opts.max_bytes must be"] = { max_bytes = -1 },
      ["opts.method must be a word in capitals"] = { method = "get" },
      ["opts.method must be a word"] = { method = "GET / HTTP/1.1\r\n" },
      ["opts.body must be a string, not a boolean"] = { body = true },
      ["opts.headers must be a table, not a string"] = { headers = "a: b" },
      ["opts.headers: x-list must be a string"] =
        { headers = { ["x-list"] = { 1 } } },
      ["opts.headers has a number as a name"] = { headers = { "a: b" } },
      ["opts.body and opts.json cannot both"] = { body = "a", json = 1 },
      ["a HEAD request has no body"] = { body = "a", method = "HEAD" },
      ["opts.redirects goes with"] = { method = "PUT", redirects = 1 },
    } do
      assert.matches(text, raises(opts), 1, true)
    end
    assert.matches("bad argument #1 to '[%w.]*fetch' %(string expected",
      alice:request("fetch.raise", {}))
  end)

  it("lets nobody write headers into headers", function()
    for name, value in pairs {
      ["x-one"] = "a\r\nX-Evil: 1", ["x-two"] = "a\nb", ["x-three"] = "a\rb",
      ["x\r\nX-Evil"] = "1", ["x four"] = "a", ["x:five"] = "a", [""] = "a",
      ["Content-Length"] = "5", ["transfer-encoding"] = "chunked",
    } do
      assert.matches("fetch: opts.headers: ",
        raises { headers = { [name] = value } }, 1, true)
    end
  end)

  it("is not there while scripts are being loaded", function()
    assert.matches("not while scripts are being loaded",
      alice:request "early", 1, true)
  end)

  it("lets others be served while one waits", function()
    local bob = server:connect { user = "bob" }
    alice:send("fetch", { url = site.url .. "/hold/alice" }, 1)
    site:get "/held/alice"
    assert.equal("here", bob:request "ping_me")
    alice:expect_nothing()
    site:get "/release/alice"
    assert.equal("released", alice:expect("reply").data.body)
  end)

  it("waits for fifty at once, without a thread for any", function()
    local clients = {}
    local before = threads(server)
    for i = 1, 50 do
      clients[i] = server:connect { user = "user" .. i }
      clients[i]:send("fetch", { url = site.url .. "/gather/51" }, 1)
    end
    -- The page answers nobody before so many are there.
    site:get "/gathered/50"
    assert.equal(before, threads(server))
    assert.equal("51", select(2, site:get "/gather/51"))
    for _, client in ipairs(clients) do
      assert.equal("51", client:expect("reply").data.body)
    end
  end)

  it("goes on when the client has gone", function()
    local bob = server:connect { user = "bob" }
    alice:send("fetch.tell", { url = site.url .. "/hold/gone", user = "bob" })
    site:get "/held/gone"
    alice:drop()
    t.wait_until(function()
      return server:connect({ user = "carol" }):request "ping_me"
    end)
    site:get "/release/gone"
    assert.same({ body = "released", is_open = false }, bob:expect("told").data)
  end)
end)

describe("perigee.fetch with limits", function()
  it("refuses one request too many, and goes on with those before", function()
    local site = web.start()
    finally(function() site:stop() end)
    local server = t.server {
      scripts = { ["main.lua"] = script },
      options = { ["fetch.at_once"] = 1 },
    }
    local alice = server:connect { user = "alice" }
    local bob = server:connect { user = "bob" }
    alice:send("fetch", { url = site.url .. "/hold/one" }, 1)
    site:get "/held/one"
    local answer = bob:request("fetch", { url = site.url .. "/status/200" })
    assert.equal("too_many", answer.code)
    assert.matches("fetch.at_once", answer.text, 1, true)
    site:get "/release/one"
    assert.equal("released", alice:expect("reply").data.body)
    assert.equal(200, bob:request("fetch",
      { url = site.url .. "/status/200" }).status)
    server:stop()
  end)

  it("may be what @stop waits for at the end", function()
    local site = web.start()
    finally(function() site:stop() end)
    local server = t.server { scripts = { ["main.lua"] = ([[
      local perigee = require "perigee"
      return { ["@stop"] = function()
        perigee.log.info("last words: " .. perigee.fetch("%s/status/200").body)
      end }
    ]]):format(site.url) } }
    assert.equal(0, (server:stop()), server.last_log)
    assert.matches("last words: status 200", server.last_log, 1, true)
  end)

  it("ends with the server, also under way", function()
    local site = web.start()
    finally(function() site:stop() end)
    local server = t.server { scripts = { ["main.lua"] = script } }
    local alice = server:connect { user = "alice" }
    alice:send("fetch", { url = site.url .. "/hold/end" }, 1)
    site:get "/held/end"
    assert.equal(0, (server:stop()), server.last_log)
    assert.not_matches("left open", server.last_log, 1, true)
  end)
end)

describe("perigee.fetch over TLS", function()
  local site, dir, cert, key

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    cert, key = certificate(dir)
    site = web.start(cert, key)
  end)

  lazy_teardown(function()
    site:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function fetch(url, options)
    local server = t.server {
      scripts = { ["main.lua"] = script }, options = options,
    }
    local answer = server:connect({ user = "alice" }):request("fetch",
      { url = url })
    server:stop()
    return answer
  end

  it("believes only those whom the system trusts", function()
    local answer = fetch(site.url .. "/status/200")
    assert.equal("tls", answer.code)
    assert.matches("certificate", answer.text, 1, true)
  end)

  it("believes whom fetch.ca_file names", function()
    local answer = fetch(site.url .. "/status/200", { ["fetch.ca_file"] = cert })
    assert.equal(200, answer.status, answer.text)
  end)

  it("believes a certificate for its own name only", function()
    local url = ("https://127.0.0.1:%d/status/200"):format(site.port)
    assert.equal("tls", fetch(url, { ["fetch.ca_file"] = cert }).code)
  end)
end)
