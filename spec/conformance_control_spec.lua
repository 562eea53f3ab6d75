-- SPDX-License-Identifier: MIT
-- RFC 6455, section 5.5: control frames, and ping and pong among them.
local frames = require "spec.support.frames"

local frame, text = frames.frame, frames.text
local TEXT, CONTINUATION = frames.TEXT, frames.CONTINUATION
local PING, PONG, CLOSE = frames.PING, frames.PONG, frames.CLOSE

describe("RFC 6455:", function()
  local server, peer

  lazy_setup(function() server = frames.echo_server() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() peer = frames.connect(server, "/raw") end)

  local function refused(bytes)
    peer:send(text "before" .. bytes)
    peer:expect(TEXT, "before")
    peer:expect_close(1002)
  end

  describe("5.5, a control frame", function()
    for _, opcode in ipairs { PING, PONG, CLOSE } do
      for _, size in ipairs { 126, 127, 65536 } do
        it(("of opcode %d with %d bytes is refused"):format(opcode, size),
          function()
            refused(frame(opcode, ("\x03\xe8"):rep(size // 2)
              .. (size % 2 == 1 and "x" or "")))
          end)
      end

      it(("of opcode %d with a long form of its length is refused")
        :format(opcode), function()
        refused(frame(opcode, "\x03\xe8", { width = 2 }))
      end)

      it(("of opcode %d in fragments is refused"):format(opcode), function()
        refused(frame(opcode, "\x03\xe8", { fin = false })
          .. frame(CONTINUATION, "x"))
      end)

      it(("of opcode %d in fragments, inside of a message, is refused")
        :format(opcode), function()
        refused(frame(TEXT, "x", { fin = false })
          .. frame(opcode, "\x03\xe8", { fin = false }))
      end)
    end
  end)

  describe("5.5.2 and 5.5.3, a ping", function()
    for _, size in ipairs { 0, 1, 124, 125 } do
      it(("of %d bytes is answered with them"):format(size), function()
        local payload = ("\xff\0p"):rep(42):sub(1, size)
        for _, piece in ipairs { size + 6, 1 } do
          peer:send(frame(PING, payload), piece)
          peer:expect(PONG, payload)
        end
      end)
    end

    it("after the answer to the one before is answered", function()
      for i = 1, 20 do
        peer:send(frame(PING, "ping " .. i))
        peer:expect(PONG, "ping " .. i)
      end
    end)

    it("right after another is answered, too", function()
      local pings = {}
      for i = 1, 50 do pings[i] = frame(PING, "ping " .. i) end
      peer:send(table.concat(pings))
      for i = 1, 50 do peer:expect(PONG, "ping " .. i) end
    end)

    it("between the fragments of a message is answered at once", function()
      peer:send(frame(TEXT, "one ", { fin = false }))
      for i = 1, 5 do
        peer:send(frame(PING, "between " .. i))
        peer:expect(PONG, "between " .. i)
        peer:send(frame(CONTINUATION, i .. " ", { fin = false }))
      end
      peer:send(frame(CONTINUATION, "end"))
      peer:expect(TEXT, "one 1 2 3 4 5 end")
    end)

    it("between messages in one write does not disturb them", function()
      peer:send(text "a" .. frame(PING, "") .. text "b")
      local seen = {}
      for _ = 1, 3 do
        local got = peer:receive()
        table.insert(seen, got.opcode .. got.payload)
      end
      table.sort(seen) -- a control frame may overtake
      assert.same({ PONG .. "", TEXT .. "a", TEXT .. "b" }, seen)
    end)
  end)

  describe("5.5.3, a pong that nobody asked for", function()
    for _, payload in ipairs { "", "payload", ("\xff"):rep(125) } do
      it(("of %d bytes is ignored"):format(#payload), function()
        peer:send(frame(PONG, payload))
        peer:send(text "next")
        peer:expect(TEXT, "next")
      end)
    end

    it("between the fragments of a message is ignored", function()
      peer:send(frame(TEXT, "a", { fin = false }) .. frame(PONG, "x")
        .. frame(CONTINUATION, "b"))
      peer:expect(TEXT, "ab")
    end)

    it("many times is ignored", function()
      peer:send(frame(PONG, "x"):rep(200) .. text "next")
      peer:expect(TEXT, "next")
    end)
  end)
end)
