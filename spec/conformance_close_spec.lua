-- SPDX-License-Identifier: MIT
-- RFC 6455, sections 5.5.1, 7.1 and 7.4: how a connection ends.
local frames = require "spec.support.frames"

local frame, text = frames.frame, frames.text
local TEXT, CLOSE = frames.TEXT, frames.CLOSE

describe("RFC 6455:", function()
  local server, peer

  lazy_setup(function() server = frames.echo_server() end)
  lazy_teardown(function() server:stop() end)
  before_each(function() peer = frames.connect(server, "/raw") end)

  describe("5.5.1, a close frame", function()
    for _, code in ipairs { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
      1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 } do
      it(("with %d is answered with it"):format(code), function()
        peer:send(frames.close(code))
        peer:expect(CLOSE, string.pack(">I2", code))
        peer:expect_end()
      end)
    end

    it("without a payload is answered without one", function()
      peer:send(frames.close())
      peer:expect(CLOSE, "")
      peer:expect_end()
    end)

    for _, reason in ipairs { "bye", "κόσμε", ("r"):rep(123) } do
      it(("with a reason of %d bytes is answered with its code")
        :format(#reason), function()
        peer:send(frames.close(1000, reason))
        peer:expect_close(1000)
      end)
    end

    it("in pieces of one byte is answered", function()
      peer:send(frames.close(3333, "bit by bit"), 1)
      peer:expect_close(3333)
    end)

    it("with one byte is refused", function()
      peer:send(frame(CLOSE, "\x03"))
      peer:expect_close(1002)
    end)

    it("with a reason of more than 123 bytes is refused", function()
      peer:send(frames.close(1000, ("r"):rep(124)))
      peer:expect_close(1002)
    end)

    for _, reason in ipairs { "\xff", "ok \xce", "\xed\xa0\x80", "\xc0\x80" } do
      it(("with a reason that is not UTF-8, %q, is refused 1007")
        :format(reason), function()
        peer:send(frames.close(1000, reason))
        peer:expect_close(1007)
      end)
    end

    it("comes after the answers to what was sent before", function()
      peer:send(text "one" .. text "two" .. frames.close(1000))
      peer:expect(TEXT, "one")
      peer:expect(TEXT, "two")
      peer:expect(CLOSE, "\x03\xe8")
      peer:expect_end()
    end)

    it("ends a message that is not complete", function()
      peer:send(frame(TEXT, "begun", { fin = false }) .. frames.close(1000))
      peer:expect(CLOSE, "\x03\xe8")
      peer:expect_end()
    end)

    it("makes all that follows be ignored", function()
      for _, more in ipairs {
        text "late", frames.close(1001), frame(frames.PING, "late"),
        frame(TEXT, "\xff"), "\xff\xff\xff\xff", ("garbage"):rep(2000),
      } do
        peer = frames.connect(server, "/raw")
        peer:send(frames.close(1000) .. more)
        peer:expect(CLOSE, "\x03\xe8")
        peer:expect_end()
      end
    end)
  end)

  describe("7.4, a close frame with the code", function()
    for _, code in ipairs { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
      5000, 65535 } do
      it(("%d is refused"):format(code), function()
        peer:send(frames.close(code))
        peer:expect_close(1002)
      end)
    end
  end)

  describe("7.1, when the server closes", function()
    it("nothing that comes afterwards is answered", function()
      peer:send(text "close 4321" .. text "late" .. frame(TEXT, "\xff"))
      peer:expect(CLOSE, "\x10\xe1closed")
      peer:send(text "later" .. frames.close(4321))
      peer:expect_end()
    end)

    for _, code in ipairs { 1012, 1013, 1014 } do
      it(("it may say %d"):format(code), function()
        peer:send(text("close " .. code))
        peer:expect(CLOSE, string.pack(">I2", code) .. "closed")
      end)
    end

    it("it hangs up when it is answered", function()
      for _, answer in ipairs {
        frames.close(4321), frames.close(), frames.close(1000, "other"),
        frame(CLOSE, "\x03"), frames.close(5000),
      } do
        peer = frames.connect(server, "/raw")
        peer:send(text "close 4321")
        peer:expect(CLOSE, "\x10\xe1closed")
        peer:send(answer)
        peer:expect_end()
      end
    end)
  end)

  describe("over TLS,", function()
    local dir, secure

    lazy_setup(function()
      dir = io.popen("mktemp -d"):read "l"
      assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt"
        .. " ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        .. " -keyout %s/key.pem -out %s/cert.pem 2>%s/log"):format(dir, dir,
        dir)))
      secure = frames.echo_server { ["tls.cert"] = dir .. "/cert.pem",
        ["tls.key"] = dir .. "/key.pem" }
    end)

    lazy_teardown(function()
      secure:stop()
      os.execute("rm -rf " .. dir)
    end)

    before_each(function() peer = frames.connect(secure, "/raw") end)

    it("a close frame is answered", function()
      peer:send(text "one" .. frames.close(3210, "bye"))
      peer:expect(TEXT, "one")
      peer:expect_close(3210)
    end)

    it("a frame that is none closes 1002, after what was answered", function()
      for _, bytes in ipairs {
        frame(TEXT, "x", { rsv = 4 }), frame(frames.PING, ("x"):rep(126)),
      } do
        peer = frames.connect(secure, "/raw")
        peer:send(text "before" .. bytes)
        peer:expect(TEXT, "before")
        peer:expect_close(1002)
      end
    end)

    it("a peer that ends it without a close frame has broken no rule",
      function()
        local before = #secure:log()
        peer:drop()
        secure:wait_log("code=1006 reason=disconnected", before)
      end)

    it("text that is not UTF-8 closes 1007", function()
      peer:send(frame(TEXT, "\xff"))
      peer:expect_close(1007)
    end)
  end)

  -- The same server speaks JSON at /ws, with the same frames below.
  describe("at /ws, too,", function()
    before_each(function() peer = frames.connect(server, "/ws") end)

    local ping, pong = text '{"type":"ping"}', '{"type":"pong"}'

    it("a frame that is none closes 1002, after what was answered", function()
      for _, bytes in ipairs {
        frame(TEXT, "x", { rsv = 4 }), frame(3, ""), frame(0, "x"),
        frame(frames.PING, ("x"):rep(126)), "\x82\xff\x80\0\0\0\0\0\0\0\1\2\3\4",
      } do
        peer = frames.connect(server, "/ws")
        peer:send(ping .. bytes)
        peer:expect(TEXT, pong)
        assert.equal("protocol_error", peer:expect_close(1002))
      end
    end)

    it("a close frame that is none is refused", function()
      peer:send(frame(CLOSE, "\x03"))
      peer:expect_close(1002)
    end)

    it("a close frame is answered", function()
      peer:send(ping .. frames.close(3210))
      peer:expect(TEXT, pong)
      peer:expect_close(3210)
    end)
  end)
end)
