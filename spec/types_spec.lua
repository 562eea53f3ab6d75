-- SPDX-License-Identifier: MIT
-- `perigee types`: TypeScript of what scripts declare, and the client typed by
-- it, as the compiler sees it.
local cli = require "spec.support.cli"
local lfs = require "lfs"
local t = require "perigee.testing"

local ROOT = lfs.currentdir()
local TSC = ROOT .. "/client/node_modules/.bin/tsc"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function put(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local function types_of(scripts)
  local status, out, problem = cli.run { "types", scripts }
  assert.equal(0, status, problem)
  return out
end

local SHOP = [[
return {
  ["@emits"] = { ["shop.opened"] = { kind = "'a'|'b'?", tags = "string<=20[]<=5?" } },
  ["shop.buy"] = {
    doc = "Buys one thing */ now.",
    schema = { sku = "string>=1<=20", place = "{ x: number>=0<1 }?",
      items = { { id = "integer>=1", ["a key"] = "any" } } },
    reply = { price = "integer>=0", more = { ["*"] = "number" } },
    emits = { "shop.opened", ["shop.closed"] = "null" },
    handler = print,
  },
  quiet = { reply = "null", schema = "string?", handler = print },
  free = print,
}
]]

local WANTED = [[
/** What clients may send, by message type. */
export interface Requests {
  'free': unknown;
  'quiet': string | null | undefined;
  /** Buys one thing * / now. */
  'shop.buy': {
    items: Array<{
      'a key': any;
      /** at least 1 */
      id: number;
    }>;
    place?: {
      /** at least 0, less than 1 */
      x: number;
    } | null;
    /** 1 to 20 characters */
    sku: string;
  };
}

/** What they are answered. Nothing is known of `unknown`. */
export interface Replies {
  'free': unknown;
  'quiet': null;
  'shop.buy': {
    more: Record<string, number>;
    /** at least 0 */
    price: number;
  };
}

/** What the server sends by itself. */
export interface Pushes {
  'shop.closed': null | undefined;
  'shop.opened': {
    kind?: 'a' | 'b' | null;
    /** at most 5 items */
    tags?: Array<string> | null;
  };
}
]]

local WEB = [[
return {
  ["@http GET /users/:id"] = { doc = "One of them.", reply = { name = "string" },
    handler = function(request) return { name = request.params.id } end },
  ["@http GET /a/:b/c/:d_2"] = function(request)
    return request.params.b .. "," .. request.params.d_2 .. "," .. (request.query.e or "")
  end,
  ["@http PUT /files/*"] = function(request) return request.path end,
  ["@http POST /orders"] = { schema = { id = "integer>=1" }, reply = { queued = "boolean" },
    handler = function() return { status = 202, body = { queued = true } } end },
  ["@http DELETE /orders"] = { schema = "string?", handler = function(request)
    if not request.data then return nil, "NOT_FOUND", "which?" end
  end },
  ["@http cart.count"] = { schema = { id = "integer" }, reply = "integer", handler = print },
  ["@http tick"] = print,
}
]]

local WANTED_WEB = [[
/** Plain HTTP, by method and path. */
export interface Http {
  'DELETE /orders': {
    body?: string | null;
    answer: unknown;
  };
  'GET /a/:b/c/:d_2': {
    params: { b: string; d_2: string };
    answer: unknown;
  };
  /** One of them. */
  'GET /users/:id': {
    params: { id: string };
    answer: {
      name: string;
    };
  };
  'POST /orders': {
    body: {
      /** at least 1 */
      id: number;
    };
    answer: {
      queued: boolean;
    };
  };
  'PUT /files/*': {
    params: { '*': string };
    body?: unknown;
    answer: unknown;
  };
}

/** What backends may ask: POST /api/v1/call/TYPE. */
export interface Calls {
  'cart.count': {
    data: {
      id: number;
    };
    answer: number;
  };
  'tick': {
    data?: unknown;
    answer: unknown;
  };
}
]]

describe("perigee types", function()
  after_each(cli.cleanup)

  it("prints what the scripts declare", function()
    local text = types_of(cli.folder { ["shop.lua"] = SHOP })
    assert.equal(WANTED, text:match "\n\n(.-)\n/%*%* For the client")
  end)

  it("has the handlers of HTTP, where there are some", function()
    local text = types_of(cli.folder { ["web.lua"] = WEB })
    assert.equal(WANTED_WEB, text:match "(/%*%* Plain HTTP.*)$")
    text = types_of(cli.folder { ["shop.lua"] = SHOP })
    assert.is_nil(text:find "interface Http" or text:find "interface Calls")
  end)

  it("writes a file, and leaves it alone if nothing has changed", function()
    local folder = cli.folder { ["shop.lua"] = SHOP }
    local path = cli.folder() .. "/api.d.ts"
    for _ = 1, 2 do
      assert.equal(0, (cli.run { "types", folder, "--out=" .. path }))
      assert.equal(types_of(folder), slurp(path))
      lfs.touch(path, 5)
    end
    assert.equal(0, (cli.run { "types", folder, "--out=" .. path }))
    assert.equal(5, lfs.attributes(path, "modification"))
    local status, _, problem = cli.run { "types", folder, "--out=/none/x.ts" }
    assert.equal(1, status)
    assert.matches("/none/x.ts: No such file", problem)
  end)

  it("says what is wrong with the scripts", function()
    local status, out, problem = cli.run { "types",
      cli.folder { ["a.lua"] = "return { x = { reply = 'any' } }" } }
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("a.lua: handler 'x': handler must be a function", problem)
  end)

  it("is what the project of `perigee new` has", function()
    assert.equal(slurp "templates/types/api.d.ts", types_of(ROOT .. "/templates/scripts"))
  end)

  it("is kept up to date by `perigee dev`", function()
    local path = cli.folder() .. "/api.d.ts"
    local server = t.server { mode = "dev", scripts = { ["shop.lua"] = SHOP },
      options = { ["dev.types"] = path, watch = false } }
    assert.equal(types_of(server.scripts), slurp(path))
    server:write("shop.lua", "return { other = print }")
    cli.run { "reload", "--admin=" .. server.admin }
    assert.matches("'other': unknown", slurp(path))
  end)
end)

-- Runs the compiler in a folder; returns what it says, "" if all is well.
local function compile(folder, words)
  local pipe = io.popen(("cd %s && %s %s 2>&1"):format(folder, TSC, words))
  local said = pipe:read "a"
  pipe:close()
  return said
end

-- A use of the client that is typed by the starter scripts.
local USE = [[
import { SocketClient } from './index.js';
import type { Api } from './api.js';

const client = new SocketClient<Api>('/ws');
%s
]]

local RIGHT = [[
export async function use(): Promise<number> {
  const { at } = await client.request('chat.send', { room: 'r', text: 'hi' });
  await client.request('echo');
  await client.request('ping');
  const { devices } = await client.request('direct.send',
    { to: 'bob', text: 'hi' }, { timeout: 500 });
  const nothing: unknown = await client.request('chat.typing', { room: 'r' });
  const left: boolean = client.send('chat.typing', { room: 'r' });
  client.on('chat.message', ({ from, text, at: when }, { room }) =>
    console.log(from.length, text, when.toFixed(), room));
  client.room('r').on('chat.typing', ({ from }) => console.log(from));
  client.on('presence', ({ count }) => console.log(count));
  return at + devices + Number(nothing) + Number(left);
}
]]

local WRONG = {
  ["a request that no script takes"] =
    { "client.request('chat.sent', { room: 'r', text: 'hi' });", "chat%.sent" },
  ["data with a field that is missing"] =
    { "client.request('chat.send', { room: 'r' });", "'text' is missing" },
  ["data with a field of another type"] =
    { "client.send('chat.typing', { room: 5 });", "'number' is not assignable" },
  ["data with a field that is misspelt"] =
    { "client.request('chat.send', { room: 'r', txt: 'hi' });", "'txt'" },
  ["a field that no reply has"] =
    { "client.request('notify.all', { text: 'hi' }).then(({ reach }) => reach);",
      "'reach' does not exist" },
  ["a push that nobody sends"] =
    { "client.on('chat.massage', () => {});", "chat%.massage" },
  ["a field that no push has"] =
    { "client.on('chat.message', ({ form }) => form);", "'form' does not exist" },
  ["a request without its data"] =
    { "client.request('direct.send');", "Expected 2%-3 arguments" },
}

describe("The client that is typed by the starter scripts", function()
  local folder

  lazy_setup(function()
    folder = io.popen("mktemp -d"):read "l"
    put(folder .. "/api.d.ts", types_of(ROOT .. "/scripts"))
    for _, name in ipairs { "index.d.ts", "index.d.cts" } do
      put(folder .. "/" .. name, slurp("client/" .. name))
    end
  end)

  lazy_teardown(function() os.execute("rm -rf " .. folder) end)

  local function use(text)
    put(folder .. "/use.ts", USE:format(text))
    return compile(folder, "--noEmit --strict --module nodenext --target es2022 "
      .. "--lib es2022,dom use.ts")
  end

  it("is accepted by the compiler", function()
    assert.equal("", use(RIGHT))
  end)

  for what, case in pairs(WRONG) do
    it("does not allow " .. what, function()
      local said = use(case[1])
      assert.matches("^use.ts%(5,", said)
      assert.matches(case[2], said)
      assert.is_nil(said:match "\nuse.ts")
    end)
  end

  it("checks the demo chat", function()
    local chat = ROOT .. "/client/chat"
    assert.equal(slurp(chat .. "/api.d.ts"), types_of(ROOT .. "/scripts"))
    assert.equal("", compile(chat, "-p jsconfig.json"))
  end)

  it("checks the page of `perigee new`", function()
    local project = cli.folder() .. "/app"
    assert.equal(0, (cli.run { "new", project }))
    assert.equal("", compile(project, "-p jsconfig.json"))
    local page = project .. "/public/app.js"
    put(page, (slurp(page):gsub("{ text: %$", "{ txt: $")))
    assert.matches("app.js%(%d+,%d+%): error [^\n]*'txt'",
      compile(project, "-p jsconfig.json"))
    cli.cleanup()
  end)
end)

-- The function of docs/types.md, and a use of it.
local ASK_USE = [[
import { ask } from './ask.js';

const usual = fetch;
globalThis.fetch = (path, asked) => usual(process.argv[2] + String(path), asked);
%s
]]

local ASK_RIGHT = [[
const { name } = await ask('GET /users/:id', { params: { id: 'a/b? ä' } });
const { queued } = await ask('POST /orders', { body: { id: 7 } });
const fails = await ask('DELETE /orders', {}).catch((error) => error.code);
const path = await ask('PUT /files/*', { params: { '*': 'x/y' }, body: 'any' });
const parts = await ask('GET /a/:b/c/:d_2', { params: { b: '1', d_2: '2' }, query: { e: '3' } });
console.log(name.toUpperCase(), !queued, fails, path, parts,
  await ask('DELETE /orders', { body: 'x' }));
]]

local ASK_WRONG = {
  ["a path that no handler has"] = { "await ask('GET /user', {});", "GET /user" },
  ["a path without its part"] = { "await ask('GET /users/:id', {});", "'params' is missing" },
  ["a body that does not fit"] =
    { "await ask('POST /orders', { body: { id: '7' } });", "'string' is not assignable" },
  ["a field that no answer has"] =
    { "(await ask('POST /orders', { body: { id: 7 } })).id;", "'id' does not exist" },
}

describe("The function for HTTP in docs/types.md", function()
  local folder

  lazy_setup(function()
    folder = io.popen("mktemp -d"):read "l"
    put(folder .. "/api.d.ts", types_of(cli.folder { ["web.lua"] = WEB }))
    put(folder .. "/package.json", '{ "type": "module" }')
    local text = slurp "docs/types.md":match "\n```ts\n(// ask%.ts\n.-)```"
    put(folder .. "/ask.ts", (text:gsub("'./api'", "'./api.js'")))
  end)

  lazy_teardown(function()
    cli.cleanup()
    os.execute("rm -rf " .. folder)
  end)

  local function use(text)
    put(folder .. "/use.ts", "declare const process: { argv: string[] };\n"
      .. ASK_USE:format(text))
    return compile(folder, "--strict --noUncheckedIndexedAccess --module nodenext "
      .. "--target es2022 --lib es2022,dom use.ts")
  end

  it("asks a server", function()
    local server = t.server { scripts = { ["web.lua"] = WEB } }
    assert.equal("", use(ASK_RIGHT))
    local pipe = io.popen(("cd %s && timeout 60 node use.js %s 2>&1"):format(folder, server.url))
    assert.equal("A/B? Ä false NOT_FOUND /files/x/y 1,2,3 null\n", pipe:read "a")
    pipe:close()
  end)

  for what, case in pairs(ASK_WRONG) do
    it("does not allow " .. what, function()
      local said = use(case[1])
      assert.matches("^use.ts%(6,", said)
      assert.matches(case[2], said, 1, true)
      assert.is_nil(said:match "\nuse.ts")
    end)
  end
end)
