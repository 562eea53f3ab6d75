-- SPDX-License-Identifier: MIT
-- Raw connections that need a token.
local frames = require "spec.support.frames"
local start = require "spec.support.words"

local frame, text = frames.frame, frames.text
local TEXT, BINARY = frames.TEXT, frames.BINARY

describe("raw.auth = token", function()
  local server

  local function connect(token)
    return frames.connect(server, "/raw",
      token and "Authorization: Bearer " .. token)
  end

  it("lets in who brings a token with the handshake", function()
    server = start { ["raw.auth"] = "token" }
    local peer = connect(server:token { sub = "alice" })
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
  end)

  it("takes it from a cookie, too, if there is one for it", function()
    server = start { ["raw.auth"] = "token", ["auth.cookie"] = "session" }
    local peer = frames.connect(server, "/raw",
      "Cookie: session=" .. server:token { sub = "alice" })
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
    frames.connect(server, "/raw", "Cookie: other=x"):expect_close(4501)
  end)

  it("closes others 4501, without a word of JSON", function()
    server = start { ["raw.auth"] = "token" }
    local expired = server:token { sub = "alice", exp = 1 }
    for _, token in ipairs { "", "nonsense" } do
      local peer = connect(token)
      peer:send(text "echo let me in")
      assert.equal("auth_failed", peer:expect_close(4501))
    end
    local late = connect(expired) -- a new token may be better
    late:send(text "echo let me in")
    late:expect_close(4003)
    connect(nil):expect_close(4501)
    frames.connect(server, "/raw", "Authorization: Basic YWxpY2U6eA==")
      :expect_close(4501)
  end)

  it("asks @token and @auth, and keeps messages until they answer", function()
    server = start({ ["raw.auth"] = "token" }, { ["hooks.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@token"] = function(_, token)
          perigee.sleep(0.05)
          return token:match "^key of (%l+)$"
        end,
        ["@auth"] = function(client)
          perigee.sleep(0.05)
          if client.user_id == "mallory" then
            return nil, "no.mallory"
          end
        end,
      }
    ]] })
    local peer = connect "key of alice"
    peer:send(text "who" .. frame(BINARY, "echo second"))
    peer:expect(TEXT, "alice true greeted")
    peer:expect(BINARY, "second")
    for _, key in ipairs { "key of mallory", "no key" } do
      peer = connect(key)
      peer:send(text "echo let me in")
      peer:expect_close(4501)
    end
  end)

  it("hears nobody who leaves before it is settled", function()
    server = start({ ["raw.auth"] = "token" }, { ["hooks.lua"] = [[
      local perigee = require "perigee"
      return {
        ["@token"] = function(_, token)
          while token == "slow" and not perigee.store.get "settled" do
            perigee.sleep(0.005)
          end
          perigee.log.info("settled " .. token)
          return "alice"
        end,
        settle = function() perigee.store.set("settled", true) end,
      }
    ]] })
    local peer = connect "slow"
    peer:send(text "raise" .. frames.close(1000))
    peer:expect_close(1000)
    server:connect({ token = "quick" }):request "settle"
    server:wait_log "(settled slow)"
    peer = connect "quick"
    peer:send(text "who")
    peer:expect(TEXT, "alice true greeted")
    assert.is_nil(server:log():match "a mistake")
  end)
end)
