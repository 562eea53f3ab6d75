-- SPDX-License-Identifier: MIT
-- POST /api/v1/batch: many calls in one request, made as they come.
local api = require "spec.support.api"
local t = require "perigee.testing"

local BEGIN = "POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "

describe("POST /api/v1/batch", function()
  local server, alice

  lazy_setup(function()
    server = t.server {
      options = api.options { ["http.body_bytes"] = "4KiB" },
      -- A sanitizer would keep what is freed, for a while.
      env = { ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "")
        .. ":quarantine_size_mb=1:allocator_release_to_os_interval_ms=100" },
    }
  end)

  lazy_teardown(function() server:stop() end)

  before_each(function() alice = server:connect "alice" end)

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = t.decode(line)
    end
    return lines
  end

  local function batch(body, headers)
    local status, answer, head = api.ask(server, "POST", "/api/v1/batch", body, headers)
    if status == 200 then
      assert.matches("application/x-ndjson", head, 1, true)
      return lines_of(answer or "")
    end
    return status, answer
  end

  local function message(n)
    return ('{"user":"alice","message":{"type":"n","data":%d}}'):format(n)
  end

  it("makes the calls in order, and answers a line for each", function()
    local body = {}
    for i = 1, 500 do body[i] = message(i) end
    local answers = batch(table.concat(body, "\n") .. "\n")
    assert.equal(500, #answers)
    for i = 1, 500 do
      assert.same({ receivers = 1 }, answers[i])
      assert.equal(i, alice:expect("n").data)
    end
  end)

  it("makes other calls, too", function()
    local answers = batch(table.concat({
      '{"call":"join","user":"alice","room":"lobby"}', message(1),
      '{"user":"alice","message":{"type":"n"},"call":"send"}',
      '{"call":"close","user":"alice","code":4900}' }, "\r\n"))
    assert.same({ { connections = 1 }, { receivers = 1 }, { receivers = 1 }, { closed = 1 } },
      answers)
    alice:expect_close(4900)
  end)

  it("goes on behind what is refused", function()
    local answers = batch(table.concat({ message(1), "", "{", '{"call":"batch"}', "[]",
      '{"call":"user","user":"alice"}', '{"user":"alice"}', ("x"):rep(5000), message(2) }, "\n"))
    local got = {}
    for i, answer in ipairs(answers) do
      got[i] = answer.code or answer.receivers
    end
    assert.same({ 1, "BAD_JSON", "NOT_FOUND", "BAD_REQUEST", "NOT_FOUND", "BAD_REQUEST",
      "TOO_LARGE", 1 }, got)
    assert.equal(1, alice:expect("n").data)
    assert.equal(2, alice:expect("n").data)
  end)

  it("makes only what the key may", function()
    local answers = batch(message(1) .. '\n{"call":"close","user":"alice"}\n',
      { "Authorization: Bearer " .. api.SENDER })
    assert.equal(1, answers[1].receivers)
    assert.equal("FORBIDDEN", answers[2].code)
    alice:expect "n"
    alice:sync()
  end)

  it("makes a call while the body still comes", function()
    local peer = api.connect(server)
    peer:write(BEGIN .. api.KEY .. "\r\nTransfer-Encoding: chunked\r\n\r\n")
    local line = message(7) .. "\n"
    peer:write(("%x\r\n%s\r\n"):format(#line, line))
    assert.equal(7, alice:expect("n").data)
    peer:write "0\r\n\r\n"
    local status, answer = peer:read()
    assert.equal(200, status)
    assert.equal('{"receivers":1}\n', answer)
    peer:close()
  end)

  it("is empty for an empty body", function()
    assert.same({}, batch "")
    assert.same({}, batch "\n\n")
  end)

  it("has 16 MiB at most", function()
    local peer = api.connect(server)
    peer:write(BEGIN .. api.KEY .. "\r\nContent-Length: 16777217\r\n\r\n")
    assert.equal(413, (peer:read()))
    peer:close()
  end)

  it("says in the last line that the body broke", function()
    local peer = api.connect(server)
    local line = message(7) .. "\n"
    peer:write(BEGIN .. api.KEY .. "\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. ("%x\r\n%s\r\nzz\r\n"):format(#line, line))
    local status, answer = peer:read()
    assert.equal(200, status)
    local answers = lines_of(answer)
    assert.equal(1, answers[1].receivers)
    assert.equal(400, answers[2].status)
    assert.is_nil(peer:read())
    peer:close()
  end)

  it("takes no Idempotency-Key", function()
    local status, problem = batch(message(1),
      { "Authorization: Bearer " .. api.KEY, "Idempotency-Key: x" })
    assert.equal(400, status)
    assert.equal("BAD_REQUEST", problem.code)
    alice:expect_nothing()
  end)

  local function resident(pid)
    local file <close> = assert(io.open("/proc/" .. pid .. "/status"))
    return tonumber(file:read("a"):match "VmHWM:%s*(%d+)")
  end

  it("runs 100,000 sends in one request in constant memory", function()
    local peer = api.connect(server)
    local line = '{"user":"nobody","message":{"type":"n","data":{"text":"some text"}}}\n'
    local count, block = 100000, 1000
    peer:write(BEGIN .. api.KEY .. "\r\nContent-Length: " .. count * #line .. "\r\n\r\n")
    local before
    for i = 1, count / block do
      peer:write(line:rep(block))
      peer.conn:flush()
      before = i == 5 and resident(server.pid) or before
    end
    local status, answer = peer:read()
    assert.equal(200, status)
    assert.equal(count, select(2, answer:gsub('{"receivers":0}\n', "")))
    assert.is_true(resident(server.pid) - before < 6 * 1024) -- KiB
    peer:close()
  end)
end)
