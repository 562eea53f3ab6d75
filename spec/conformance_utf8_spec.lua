-- SPDX-License-Identifier: MIT
-- RFC 6455, sections 5.6 and 8.1: text is UTF-8, as RFC 3629 has it.
local frames = require "spec.support.frames"

local frame = frames.frame
local TEXT, CONTINUATION = frames.TEXT, frames.CONTINUATION

-- With characters of one to four bytes, and the first and last of each length.
local SAMPLE = "κόσμε ✓ 😀 \0\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}"
  .. "\u{fffd}\u{ffff}\u{10000}\u{10ffff} end"

local INVALID = {
  { "a tail without a head", "\x80" },
  { "a tail too many", "\xce\xba\xba" },
  { "a byte that is none, fe", "\xfe" },
  { "a byte that is none, ff", "\xff" },
  { "a head without a tail", "\xce " },
  { "two bytes of three", "\xe2\x82 " },
  { "three bytes of four", "\xf0\x9f\x98 " },
  { "an overlong slash in two bytes", "\xc0\xaf" },
  { "an overlong slash in three bytes", "\xe0\x80\xaf" },
  { "an overlong slash in four bytes", "\xf0\x80\x80\xaf" },
  { "an overlong zero", "\xc0\x80" },
  { "the last overlong of two bytes", "\xc1\xbf" },
  { "the last overlong of three bytes", "\xe0\x9f\xbf" },
  { "the last overlong of four bytes", "\xf0\x8f\xbf\xbf" },
  { "the first surrogate", "\xed\xa0\x80" },
  { "the last surrogate", "\xed\xbf\xbf" },
  { "a pair of surrogates", "\xed\xa0\x80\xed\xb0\x80" },
  { "the first beyond U+10FFFF", "\xf4\x90\x80\x80" },
  { "a head of four bytes that is too large", "\xf5\x80\x80\x80" },
  { "five bytes", "\xf8\x88\x80\x80\x80" },
  { "six bytes", "\xfc\x84\x80\x80\x80\x80" },
}

describe("RFC 6455: 8.1, text that is", function()
  local server, peer

  lazy_setup(function() server = frames.echo_server() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() peer = frames.connect(server, "/raw") end)

  describe("UTF-8", function()
    it("comes back, cut into two fragments at any byte", function()
      for cut = 0, #SAMPLE do
        peer:send(frames.fragments(TEXT,
          { SAMPLE:sub(1, cut), SAMPLE:sub(cut + 1) }))
        peer:expect(TEXT, SAMPLE)
      end
    end)

    it("comes back, cut into two writes at any byte", function()
      local bytes = frame(TEXT, SAMPLE)
      for cut = 1, #bytes - 1 do
        peer:send(bytes:sub(1, cut))
        peer:send(bytes:sub(cut + 1))
        peer:expect(TEXT, SAMPLE)
      end
    end)

    it("comes back, in fragments and writes of one byte", function()
      local parts = {}
      for i = 1, #SAMPLE do
        parts[i] = SAMPLE:sub(i, i)
      end
      peer:send(frame(TEXT, SAMPLE), 1)
      peer:expect(TEXT, SAMPLE)
      peer:send(frames.fragments(TEXT, parts), 1)
      peer:expect(TEXT, SAMPLE)
    end)

    it("comes back, longer than any buffer", function()
      local long = SAMPLE:rep(5000)
      peer:send(frame(TEXT, long), 997)
      peer:expect(TEXT, long)
    end)

    it("is not disturbed by a control frame inside of a character", function()
      for _, opcode in ipairs { frames.PING, frames.PONG } do
        peer:send(frame(TEXT, "\xf0\x9f", { fin = false })
          .. frame(opcode, "\xff\xfe") .. frame(CONTINUATION, "\x98\x80"))
        if opcode == frames.PING then
          local first, second = peer:receive(), peer:receive()
          assert.equal("\u{1f600}\xff\xfe", first.opcode == TEXT
            and first.payload .. second.payload
            or second.payload .. first.payload)
        else
          peer:expect(TEXT, "\u{1f600}")
        end
      end
    end)

    it("has no say in binary messages", function()
      for _, case in ipairs(INVALID) do
        peer:send(frame(frames.BINARY, case[2]))
        peer:expect(frames.BINARY, case[2])
        peer:send(frame(TEXT, "text"))
        peer:expect(TEXT, "text")
      end
    end)
  end)

  describe("not UTF-8 closes 1007:", function()
    for _, case in ipairs(INVALID) do
      local what, bytes = case[1], case[2]

      it(what .. ", alone", function()
        peer:send(frame(TEXT, bytes))
        assert.equal("invalid_utf8", peer:expect_close(1007))
      end)

      it(what .. ", in the middle", function()
        peer:send(frame(TEXT, SAMPLE .. bytes .. SAMPLE))
        peer:expect_close(1007)
      end)

      it(what .. ", cut into fragments of a byte", function()
        local parts = {}
        for i = 1, #bytes do
          parts[i] = bytes:sub(i, i)
        end
        parts[#parts + 1] = ""
        peer:send(frames.fragments(TEXT, parts), 1)
        peer:expect_close(1007)
      end)

      it(what .. ", behind a good message", function()
        peer:send(frame(TEXT, "good") .. frame(TEXT, bytes))
        peer:expect(TEXT, "good")
        peer:expect_close(1007)
      end)
    end

    for _, half in ipairs { "\xce", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f",
      "\xf0\x9f\x98" } do
      it(("an end after %d bytes of %02x"):format(#half, half:byte()), function()
        peer:send(frame(TEXT, "half " .. half))
        peer:expect_close(1007)
      end)

      it(("an empty end after %d bytes of %02x"):format(#half, half:byte()),
        function()
          peer:send(frames.fragments(TEXT, { half, "", "" }))
          peer:expect_close(1007)
        end)
    end
  end)

  describe("not UTF-8 any more closes 1007 without waiting", function()
    it("for the rest of the message", function()
      peer:send(frame(TEXT, "\xce\xba\xed\xa0", { fin = false }))
      peer:expect_close(1007)
    end)

    it("for the rest of the frame", function()
      local bytes = frame(TEXT, SAMPLE .. "\xf4\x90" .. ("x"):rep(100000))
      peer:send(bytes:sub(1, 200))
      peer:expect_close(1007)
    end)
  end)
end)
