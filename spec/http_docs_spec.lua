-- SPDX-License-Identifier: MIT
-- The examples of plain HTTP in docs/ do what the pages say.
local cli = require "spec.support.cli"
local openssl_hmac = require "openssl.hmac"
local t = require "perigee.testing"

local SECRET = "a secret that two share"

local function example(page, beginning)
  local file <close> = assert(io.open(page, "rb"))
  for code in file:read "a":gmatch "\n```lua\n(.-)```" do
    if code:find(beginning, 1, true) then return code end
  end
  error(beginning)
end

describe("The webhook of docs/backend.md", function()
  local server, alice

  before_each(function()
    local folder = cli.folder { ["perigee.cfg.lua"] =
      'vars = { payments_secret = env "PAYMENTS_SECRET" }' }
    server = t.server { options = { config = folder .. "/perigee.cfg.lua" },
      env = { PAYMENTS_SECRET = SECRET },
      scripts = { ["payments.lua"] = example("docs/backend.md", "hooks/payments") } }
    alice = server:connect "alice"
  end)

  after_each(cli.cleanup)

  local function post(body, time, signature)
    time = time or os.time()
    local hex = openssl_hmac.new(SECRET, "sha256"):final(time .. "." .. body):gsub(".",
      function(c) return ("%02x"):format(c:byte()) end)
    return server:http { path = "/hooks/payments", body = body,
      headers = { ["X-Signature"] = ("t=%d,v1=%s"):format(time, signature or hex) } }.status
  end

  it("takes what is signed, once", function()
    local body = '{"id":1,"user":"alice","amount":5}'
    assert.equal(204, post(body))
    assert.same({ amount = 5 }, alice:expect "payment.done".data)
    assert.equal(204, post(body))
    assert.equal(204, post "no JSON")
    alice:expect_nothing()
  end)

  it("takes nothing else", function()
    local body = '{"id":1,"user":"alice","amount":5}'
    assert.equal(401, post(body, os.time() - 600))
    assert.equal(401, post(body, nil, ("0"):rep(64)))
    assert.equal(401, server:http { path = "/hooks/payments", body = body }.status)
    alice:expect_nothing()
  end)
end)

describe("The example of docs/scripting.md", function()
  it("does what docs/testing.md asks of it", function()
    local server = t.server { scripts = {
      ["orders.lua"] = example("docs/scripting.md", '"@http POST /orders"') } }
    local alice = server:connect "alice"
    local answer = server:http { path = "/orders", json = { id = 7, user = "alice" } }
    assert.equal(202, answer.status)
    assert.equal("/orders/7", answer.headers.location)
    assert.same({ queued = true }, answer.data)
    assert.equal(7, alice:expect "order.ready".data.id)
    assert.equal("hello you", server:http { path = "/hello" }.body)
    assert.equal(400, server:http { path = "/orders", json = { id = 7 } }.status)
    server:stop()
  end)
end)
