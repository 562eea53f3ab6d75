-- SPDX-License-Identifier: MIT
-- RFC 6455, sections 5.1 to 5.4 and 5.6: what is a frame, and what is not.
local frames = require "spec.support.frames"

local frame, text = frames.frame, frames.text
local TEXT, BINARY = frames.TEXT, frames.BINARY
local CONTINUATION = frames.CONTINUATION

describe("RFC 6455:", function()
  local server, peer

  lazy_setup(function() server = frames.echo_server() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() peer = frames.connect(server, "/raw") end)

  -- What came before is answered, then the connection fails.
  local function refused(bytes)
    peer:send(text "before" .. bytes)
    peer:expect(TEXT, "before")
    peer:expect_close(1002)
  end

  describe("5.6, data frames:", function()
    local kinds = { [TEXT] = "text", [BINARY] = "binary" }
    for opcode, kind in pairs(kinds) do
      for _, size in ipairs { 0, 1, 125, 126, 127, 128, 65535, 65536 } do
        local payload = (opcode == TEXT and "x" or "\xfe"):rep(size)
        for _, piece in ipairs { size + 20, 997, 1 } do
          local how = piece > size and "at once"
            or ("in pieces of %d bytes"):format(piece)
          it(("%s of %d bytes %s"):format(kind, size, how), function()
            peer:send(frame(opcode, payload), piece)
            peer:expect(opcode, payload)
          end)
        end
      end
    end

    it("a text of one megabyte", function()
      local payload = ("0123456789abcde "):rep(65536)
      peer:send(text(payload))
      peer:expect(TEXT, payload)
    end)

    it("every byte in a binary message", function()
      local bytes = {}
      for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
      local payload = table.concat(bytes):rep(5)
      peer:send(frame(BINARY, payload))
      peer:expect(BINARY, payload)
    end)

    it("many in one write are answered in order", function()
      local out = {}
      for i = 1, 500 do
        out[i] = frame(i % 2 == 0 and BINARY or TEXT, "message " .. i)
      end
      peer:send(table.concat(out))
      for i = 1, 500 do
        peer:expect(i % 2 == 0 and BINARY or TEXT, "message " .. i)
      end
    end)
  end)

  describe("5.2, length:", function()
    for _, length in ipairs { "\x80\0\0\0\0\0\0\0", "\xff\xff\xff\xff\xff\xff\xff\xff" } do
      it(("64 bits with the highest one set, %02x…, is refused")
        :format(length:byte()), function()
        refused("\x82\xff" .. length .. "\1\2\3\4")
      end)
    end

    -- Senders must take the shortest form; like most receivers, we do not
    -- ask for it.
    for _, width in ipairs { 2, 8 } do
      it(("in %d bytes more than needed is taken"):format(width), function()
        peer:send(frame(TEXT, "short", { width = width }))
        peer:expect(TEXT, "short")
        peer:send(frame(BINARY, "", { width = width }))
        peer:expect(BINARY, "")
      end)
    end
  end)

  describe("5.2, reserved bits:", function()
    for rsv = 1, 7 do
      it(("%d in a text is refused"):format(rsv), function()
        refused(frame(TEXT, "x", { rsv = rsv }))
      end)
    end

    for _, opcode in ipairs { CONTINUATION, BINARY, frames.PING, frames.PONG,
      frames.CLOSE } do
      it(("in a frame of opcode %d is refused"):format(opcode), function()
        local first = opcode == CONTINUATION
          and frame(TEXT, "", { fin = false }) or ""
        refused(first .. frame(opcode, "", { rsv = 4 }))
      end)
    end
  end)

  describe("5.2, opcodes:", function()
    for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
      it(("%d is refused"):format(opcode), function()
        refused(frame(opcode, ""))
      end)

      it(("%d with a payload is refused"):format(opcode), function()
        refused(frame(opcode, "payload"))
      end)
    end
  end)

  describe("5.3, masking:", function()
    for _, mask in ipairs { "\0\0\0\0", "\xff\xff\xff\xff", "\0\0\0\1", "\1\0\0\0" } do
      it(("with %02x%02x%02x%02x"):format(mask:byte(1, 4)), function()
        peer:send(frame(TEXT, ("masked "):rep(300), { mask = mask }))
        peer:expect(TEXT, ("masked "):rep(300))
      end)
    end

    it("goes on over all pieces of a frame", function()
      local payload = ("abcdefg"):rep(1000)
      for _, piece in ipairs { 3, 5, 511, 513 } do
        peer:send(text(payload), piece)
        peer:expect(TEXT, payload)
      end
    end)
  end)

  -- 5.1: "The server MUST close the connection upon receiving a frame that is
  -- not masked."
  describe("5.1, a frame without a mask:", function()
    local function naked(opcode, payload)
      return frame(opcode, payload, { mask = false })
    end

    it("text is refused", function() refused(naked(TEXT, "text")) end)
    it("an empty text is refused", function() refused(naked(TEXT, "")) end)
    it("a ping is refused", function() refused(naked(frames.PING, "p")) end)

    it("a continuation is refused", function()
      refused(frame(TEXT, "a", { fin = false }) .. naked(CONTINUATION, "b"))
    end)

    it("a close is refused", function()
      refused(naked(frames.CLOSE, "\x03\xe8"))
    end)
  end)

  describe("5.4, fragments:", function()
    local function cut(payload, size)
      local parts = {}
      for at = 1, #payload, size do
        parts[#parts + 1] = payload:sub(at, at + size - 1)
      end
      return parts
    end

    for _, count in ipairs { 2, 3, 10, 100 } do
      it(("a message in %d of them"):format(count), function()
        local payload = ("f"):rep(count * 7)
        for _, opcode in ipairs { TEXT, BINARY } do
          peer:send(frames.fragments(opcode, cut(payload, 7)))
          peer:expect(opcode, payload)
        end
      end)
    end

    it("of one byte, in pieces of one byte", function()
      peer:send(frames.fragments(TEXT, cut("one by one", 1)), 1)
      peer:expect(TEXT, "one by one")
    end)

    it("large ones", function()
      local parts = { ("a"):rep(70000), ("b"):rep(126), ("c"):rep(70000) }
      peer:send(frames.fragments(BINARY, parts), 997)
      peer:expect(BINARY, table.concat(parts))
    end)

    for _, parts in ipairs {
      { "", "" }, { "", "", "" }, { "a", "" }, { "", "a" }, { "", "a", "" },
      { "a", "", "b" },
    } do
      it(("empty ones: '%s'"):format(table.concat(parts, "' '")), function()
        peer:send(frames.fragments(TEXT, parts))
        peer:expect(TEXT, table.concat(parts))
        peer:send(text "next")
        peer:expect(TEXT, "next")
      end)
    end

    it("a continuation of nothing is refused", function()
      refused(frame(CONTINUATION, "x"))
    end)

    it("a continuation of nothing that is not the last is refused", function()
      refused(frame(CONTINUATION, "x", { fin = false }))
    end)

    it("a continuation of a message that is over is refused", function()
      peer:send(frames.fragments(TEXT, { "a", "b" })
        .. frame(CONTINUATION, "c"))
      peer:expect(TEXT, "ab")
      peer:expect_close(1002)
    end)

    for _, fin in ipairs { true, false } do
      for _, opcode in ipairs { TEXT, BINARY } do
        it(("a new message of opcode %d, fin %s, before the last is refused")
          :format(opcode, fin), function()
          refused(frame(TEXT, "begun", { fin = false })
            .. frame(opcode, "new", { fin = fin }))
        end)
      end
    end

    it("a message that is never ended is not handed on", function()
      peer:send(frame(TEXT, "close 4000", { fin = false })
        .. frame(frames.PING, "there?"))
      peer:expect(frames.PONG, "there?")
      peer:send(frame(CONTINUATION, "0 is what it said"))
      peer:expect(TEXT, "close 40000 is what it said")
    end)
  end)
end)
