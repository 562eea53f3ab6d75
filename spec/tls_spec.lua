-- SPDX-License-Identifier: MIT
local t = require "perigee.testing"
local certificate = require "spec.support.certificate"
local cli = require "spec.support.cli"
local frames = require "spec.support.frames"
local Client = require "perigee.testing_client"
local tls = require "spec.support.tls"

local function bytes(length)
  local parts = {}
  for i = 1, length // 8 do
    parts[i] = ("%08d"):format(i)
  end
  return table.concat(parts)
end

describe("A server with a certificate", function()
  local server, dir, cert, key

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    cert, key = certificate(dir)
    server = t.server {
      no_wait = true, -- the kit waits for http://
      scripts = {
        ["tls.lua"] = [[
          local perigee = require "perigee"
          return {
            echo = function(_, data) return data end,
            enter = function(client) client:join "lobby" end,
            say = function(_, data)
              for i = 1, data.times do
                perigee.send_to_room("lobby",
                  { type = "said", data = { i = i, text = data.text } })
              end
            end,
          }
        ]],
      },
      options = {
        ["tls.cert"] = cert, ["tls.key"] = key,
        ["script.burst_ms"] = 20000, -- `say` writes some MB
        ["limits.message_bytes"] = 1 << 20, ["limits.bytes_per_s"] = 1 << 24,
        ["limits.queue_bytes"] = 1 << 23,
        ["heartbeat.interval_s"] = 3600, -- those who are read last may wait
      },
    }
    server.port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
  end)

  lazy_teardown(function()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  it("says hello to who believes the certificate", function()
    local alice = tls.connect(server, cert, "alice")
    assert.same({ text = "hello" }, alice:request("echo", { text = "hello" }))
    alice:expect_nothing()
    alice:close()
  end)

  it("does not answer who speaks no TLS", function()
    assert.is_nil(Client.new(("ws://127.0.0.1:%s/ws"):format(server.port)))
    local alice = tls.connect(server, cert, "alice")
    assert.equal(1, alice:request("echo", 1))
  end)

  it("carries small and big messages whole", function()
    local alice = tls.connect(server, cert, "alice")
    for _, length in ipairs { 8, 64, 128, 4096, 65528, 65536, 81920,
      600000 } do
      local text = bytes(length)
      assert.is_true(alice:request("echo", text) == text, length .. " bytes")
    end
  end)

  it("carries many messages at once in their order", function()
    local clients = {}
    for i = 1, 5 do
      clients[i] = tls.connect(server, cert, "user" .. i)
      clients[i]:request "enter"
      clients[i]:expect "joined"
    end
    local text = bytes(70000)
    clients[1]:request("say", { times = 50, text = text })
    for _, client in ipairs(clients) do
      for i = 1, 50 do
        local said = client:expect("said").data
        assert.equal(i, said.i)
        assert.is_true(said.text == text)
      end
      client:expect_nothing()
    end
  end)

  it("closes with a code and a reason", function()
    local alice = tls.connect(server, cert, "alice")
    server:signal "TERM"
    assert.equal("shutdown", alice:expect_close(1001))
    alice:close()
    local status = server:stop(false)
    assert.equal(0, status, server.last_log)
  end)
end)

describe("A session of TLS", function()
  it("is resumed by every worker, and after a new certificate", function()
    local dir = io.popen("mktemp -d"):read "l"
    local cert, key = certificate(dir)
    local server = t.server { no_wait = true, options = { workers = 4,
      ["tls.cert"] = cert, ["tls.key"] = key } }
    finally(function() os.execute("rm -rf '" .. dir .. "'") end)
    local port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
    local function shake(more)
      return io.popen(("openssl s_client -tls1_2 -connect 127.0.0.1:%s %s "
        .. "</dev/null 2>&1"):format(port, more)):read "a"
    end
    local _, resumed = shake("-reconnect -sess_out " .. dir .. "/session")
      :gsub("\nReused, ", "")
    assert.equal(5, resumed)
    certificate(dir)
    server:reload()
    server:wait_log "new certificate"
    assert.matches("\nReused, ", shake("-sess_in " .. dir .. "/session"), 1,
      true)
  end)
end)

describe("A ticket of TLS 1.3", function()
  local dir, port

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    local cert, key = certificate(dir)
    local server = t.server { no_wait = true, options = { workers = 2,
      ["tls.cert"] = cert, ["tls.key"] = key } }
    port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
  end)

  lazy_teardown(function()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  -- An answer comes behind the tickets; s_client writes each of them.
  local function ask(more)
    return io.popen(([[printf 'GET / HTTP/1.1\r\nHost: localhost\r\n]]
      .. [[Connection: close\r\n\r\n' | openssl s_client -tls1_3 -ign_eof ]]
      .. "-connect 127.0.0.1:%s -sess_out %s/next %s 2>&1"):format(
      port, dir, more)):read "a"
  end

  it("is good for one connection, which brings the next one", function()
    assert.matches("\nNew, TLSv1.3", ask "", 1, true)
    for i = 1, 4 do
      assert.is_true(os.rename(dir .. "/next", dir .. "/used"), "ticket " .. i)
      assert.matches("\nReused, TLSv1.3",
        ask(("-sess_in %s/used"):format(dir)), 1, true)
    end
  end)

  it("is made with the hash that processors have", function()
    assert.matches("Cipher is TLS_AES_128_GCM_SHA256", ask "", 1, true)
    assert.matches("Cipher is TLS_AES_256_GCM_SHA384",
      ask "-ciphersuites TLS_AES_256_GCM_SHA384", 1, true)
    assert.matches("Cipher is TLS_CHACHA20_POLY1305_SHA256",
      ask("-ciphersuites TLS_CHACHA20_POLY1305_SHA256:"
        .. "TLS_AES_128_GCM_SHA256"), 1, true)
  end)
end)

describe("A client over TLS that takes less than it is sent", function()
  it("gets whole messages only, and then its close frame", function()
    local dir = io.popen("mktemp -d"):read "l"
    local cert, key = certificate(dir)
    local server = t.server {
      no_wait = true,
      scripts = { ["main.lua"] = [[
        local perigee = require "perigee"
        return {
          pour = function(client)
            local i = 0
            repeat
              i = i + 1
              client:send { type = "poured", data = ("%06d"):format(i):rep(i % 5000) }
              if i % 10 == 0 then perigee.sleep(0.001) end
            until not client:is_open()
          end,
        }
      ]] },
      options = {
        ["tls.cert"] = cert, ["tls.key"] = key, ["limits.stall_s"] = 0,
        ["limits.queue_bytes"] = 1 << 20, ["heartbeat.interval_s"] = 3600,
      },
    }
    finally(function() os.execute("rm -rf '" .. dir .. "'") end)
    server.port = server:wait_log "ready on https://127%.0%.0%.1:(%d+)"
    server.url = "https://localhost:" .. server.port
    local peer = frames.connect(server, "/ws")
    peer:send(frames.text(('{"type":"auth","data":{"token":"%s"}}'):format(
      server:token { sub = "slow" })))
    assert.matches("auth_ok", peer:receive().payload)
    peer:send(frames.text '{"type":"pour"}')
    server:wait_log "user=slow closed by server code=4002"
    local count, frame = 0
    repeat
      frame = peer:receive()
      if frame.opcode == frames.TEXT then
        count = count + 1
        assert.equal(('{"type":"poured","data":"%s"}'):format(
          ("%06d"):format(count):rep(count % 5000)), frame.payload)
      end
    until frame.opcode ~= frames.TEXT
    assert.equal(frames.CLOSE, frame.opcode)
    assert.equal(4002, string.unpack(">I2", frame.payload))
    assert.is_true(count > 0)
  end)
end)

describe("A server with a certificate that is no good", function()
  local dir, cert, key

  lazy_setup(function()
    dir = io.popen("mktemp -d"):read "l"
    cert, key = certificate(dir)
  end)

  lazy_teardown(function()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  after_each(cli.cleanup)

  local function refuses(files, ...)
    local words = { "serve", cli.folder { ["none.lua"] = "return {}" },
      "--listen=127.0.0.1:0",
      "--auth.secret=an example secret of more than 32 bytes" }
    for name, value in pairs(files) do
      table.insert(words, ("--tls.%s=%s"):format(name, value))
    end
    local status, out, problem = cli.run(words)
    assert.is_true(status == 1 or status == 2, problem)
    for _, word in ipairs { ... } do
      assert.matches(word, problem, 1, true)
    end
    assert.not_matches("ready", out .. problem, 1, true)
  end

  it("does not start without its files", function()
    refuses({ cert = dir .. "/none.pem", key = key }, "tls.cert")
    refuses({ cert = cert, key = dir .. "/none.pem" }, "tls.key")
  end)

  it("does not start with a file of something else", function()
    refuses({ cert = dir .. "/log", key = key }, "tls.cert")
    refuses({ cert = cert, key = cert }, "tls.key")
  end)

  it("does not start with half of them", function()
    refuses({ cert = cert }, "tls.key")
    refuses({ key = key }, "tls.cert")
  end)
end)
