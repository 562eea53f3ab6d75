---@meta perigee.testing
-- SPDX-License-Identifier: MIT
-- The test kit of `perigee test`, for editors with the Lua language server.
-- Nothing loads this file; docs/testing.md of Perigee says more.

---@class perigee.testing
---@field timeout number Seconds after which a wait gives up: 10, or PERIGEE_TEST_TIMEOUT.
---@field null any JSON's null.
---@field scripts string? The folder of the project's scripts.
local t = {}

---A client of the server that all examples share.
---@param user string|perigee.testing.ConnectOptions
---@param claims? table What the token says beside the user.
---@return perigee.testing.Client
function t.connect(user, claims) end

---Asks the server that all examples share over plain HTTP.
---@param opts perigee.testing.HttpOptions
---@return perigee.testing.HttpAnswer
function t.http(opts) end

---What a backend would have heard in this example, in order, from the server
---that all examples share.
---@param type? string `order.made`, or `order.*`; all without it.
---@return perigee.testing.Event[]
function t.events(type) end

---The server that all examples share.
---@return perigee.testing.Server
function t.shared() end

---A server of one's own; it is stopped at the end of the file.
---@param opts? perigee.testing.ServerOptions
---@return perigee.testing.Server
function t.server(opts) end

---A Redis of one's own.
---@class perigee.testing.Redis
---@field url string
local redis = {}

---What redis-cli prints.
---@param text string
---@return string
function redis:command(text) end

---As if it had crashed; `name` is a signal, `"KILL"` without it.
---@param name? string
function redis:kill(name) end

---Starts it again, after `kill`.
function redis:start() end

---@class perigee.testing.Cluster
---@field redis perigee.testing.Redis
---@field [integer] perigee.testing.Server
local cluster = {}

---Ends the servers and the Redis.
function cluster:stop() end

---Several servers that meet in a Redis of their own; needs redis-server.
---@param count integer
---@param opts? perigee.testing.ServerOptions
---@return perigee.testing.Cluster
function t.cluster(count, opts) end

---Calls a function until it answers something true, and returns that.
---@generic T
---@param condition fun(): T
---@param timeout? number Seconds.
---@return T
function t.wait_until(condition, timeout) end

---A table that is written as a JSON array, also when it is empty.
---@param list table
---@return table
function t.array(list) end

---@class perigee.testing.Event
---@field id string
---@field at integer Milliseconds of Unix time.
---@field type string
---@field user? string
---@field data any

---@class perigee.testing.ConnectOptions
---@field user? string
---@field claims? table All claims of the token.
---@field token? string A ready token.
---@field headers? table<string, string> Of the handshake.
---@field session? boolean Asks for a session, which survives `client:cut`.
---@field auth? false Does not authenticate.

---@class perigee.testing.HttpOptions
---@field method? string GET; POST if there is a body.
---@field path? string
---@field query? table<string, string|number> Is put behind the path.
---@field headers? table<string, string|number>
---@field body? string
---@field json? any A body as JSON.

---@class perigee.testing.HttpAnswer
---@field status integer
---@field headers table<string, string> By names in lower case.
---@field body string
---@field data any If the body is JSON.

---@class perigee.testing.ServerOptions
---@field scripts? string|table<string, string> A folder, or texts by file name.
---@field options? table<string, any> Options of the server; false drops one of the kit.
---@field env? table<string, string> Variables of its environment.
---@field dir? string Where it runs.
---@field mode? "serve"|"dev"
---@field events? boolean Keeps its events for `server:events()`.
---@field no_wait? boolean Does not wait until it is ready.

---@class perigee.testing.Message
---@field type string
---@field data any
---@field room? string
---@field seq? integer In rooms with history.

---@class perigee.testing.Session
---@field id string
---@field keep_ms integer
---@field sent integer Messages that the client has sent.
---@field received integer Messages that it has received.
---@field acknowledged integer Of those sent, how many the server has said to have.

---@class perigee.testing.Position
---@field epoch string
---@field seq integer

---@class perigee.testing.ResumeOptions
---@field token? string
---@field id? string Of another session.
---@field received? integer Another count than the right one.
---@field session? table All of `session` in the message.

---One connection, which reads as a conversation.
---@class perigee.testing.Client
---@field user string
---@field info table The data of `auth_ok`.
---@field inbox perigee.testing.Message[] What was received and not yet expected.
---@field session? perigee.testing.Session What both sides count.
local client = {}

---Sends, and does not wait; raises if the data is no JSON or the connection is over.
---@param type string
---@param data? any
---@param id? integer|string
function client:send(type, data, id) end

---The data of the reply; fails if it is an error.
---@param type string
---@param data? any
---@return any
function client:request(type, data) end

---The data of the reply; or nil, code, text, and all data of the error.
---@param type string
---@param data? any
---@return any
---@return string? code
---@return string? text
---@return table? data
function client:try(type, data) end

---The code and text of the error; fails if there is none.
---@param type string
---@param data? any
---@return string code
---@return string text
---@return table data
function client:fails(type, data) end

---Joins a room; fails if that is refused.
---@param room string
---@param data? table
---@return any
function client:join(room, data) end

---Leaves a room; fails if that is refused.
---@param room string
function client:leave(room) end

---The position of the newest message of a room that was received, for `since`
---of a join; nil in rooms without history.
---@param room string
---@return perigee.testing.Position?
function client:position(room) end

---Who is in a room, as far as the server has said: entries by user, or `count`.
---@param room string
---@return table
function client:presence(room) end

---Waits for a message of this type, whose data has all that `part` has.
---@param type string
---@param part? any
---@param timeout? number Seconds.
---@return perigee.testing.Message
function client:expect(type, part, timeout) end

---Fails if a message (of this type) has come that was not expected.
---@param type? string
function client:expect_nothing(type) end

---Waits until the server closes; returns the reason.
---@param code? integer
---@return string reason
function client:expect_close(code) end

---Says goodbye.
---@param code? integer
---@param reason? string
function client:close(code, reason) end

---The network is gone, without a close frame.
---@param how? "end"|"reset"|"half-open" What the server sees: an end (nil), an error, or nothing.
function client:cut(how) end

---Connects again, resumes the session and sends again what the server does not
---have. Returns the data of auth_ok; its `session.resumed` says whether it is
---the old session. Or nil, code and text of the auth_error.
---@param opts? perigee.testing.ResumeOptions
---@return table?
---@return string? code
---@return string? text
function client:resume(opts) end

---Tells the server what was received, as the answer to a ping does.
function client:acknowledge() end

---Hangs up without a word.
function client:drop() end

---@class perigee.testing.Server
---@field url string
---@field port string
local server = {}

---As t.connect.
---@param user string|perigee.testing.ConnectOptions
---@param claims? table
---@return perigee.testing.Client
function server:connect(user, claims) end

---As t.http.
---@param opts perigee.testing.HttpOptions
---@return perigee.testing.HttpAnswer
function server:http(opts) end

---A token that this server accepts.
---@param claims table
---@return string
function server:token(claims) end

---Writes a script of a server that was given texts.
---@param name string
---@param text string
function server:write(name, text) end

---Reloads the scripts; returns the log line about it, fails if they do not load.
---@return string
function server:reload() end

---The same for scripts that must not load.
---@return string
function server:reload_fails() end

---What it has logged up to now.
---@return string
function server:log() end

---Waits until the log matches; returns the captures.
---@param pattern string
---@return string ...
function server:wait_log(pattern) end

---Drops the clients and ends the server; returns its exit status.
---@return integer?
function server:stop() end

return t
