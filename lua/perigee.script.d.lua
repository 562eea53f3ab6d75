---@meta perigee.script
-- SPDX-License-Identifier: MIT
-- What a script returns, for editors with the Lua language server: handlers, hooks,
-- rules of rooms.

---What it returns is the reply to a message that carried an `id`;
---`return nil, "my.code", "text", data` answers an error.
---@alias perigee.Handler fun(client: perigee.Client, data: any): any, string?, string?, any

---A handler with what is checked before it is entered.
---@class perigee.DeclaredHandler
---@field handler perigee.Handler
---@field rate? string Messages of one user, on all devices: `"5/s"`, `"20/m"`.
---@field burst? integer How many of these may come at once.
---@field schema? string|table What `data` must look like: `{ tags = "string[]?" }`.
---@field timeout? number Seconds for the whole call, waiting included.
---@field view? boolean Whether `data` is read in place, as a `perigee.View`.
---@field reply? string|table What it returns is like; `"null"`: nothing.
---@field emits? perigee.Emits What it sends, and nothing else.
---@field doc? string One line for those who read about it.

---An array or object that is decoded as it is read, and sent as it came: what
---`data` is for a handler with `view = true`. What is an array or object in it is
---one again. `type` is `"userdata"`; `next` does not take it, and it cannot be
---written. `data()` is a table of all of it, `tostring(data)` its JSON.
---@class perigee.View
---@field [string|integer] any
---@operator call: table
---@operator len: integer

---Messages that are sent, with what their data is like, by type; as a list,
---types that are declared elsewhere: `{ "chat.message" }`.
---@alias perigee.Emits table<string|integer, string|table>

---What a backend asks with `POST /api/v1/call/TYPE`; the key of its handler is
---`@http TYPE`.
---@class perigee.BackendRequest
---@field data any What it has given, or nil.
---@field user? string The user that it names.
---@field key string The name of its key.

---What it returns is the answer; `return nil, "my.code", "text", data` is a problem.
---@alias perigee.BackendHandler
---| fun(request: perigee.BackendRequest): any, string?, string?, any

---A request of plain HTTP; the key of its handler is `@http METHOD /path`.
---@class perigee.WebRequest
---@field method string `GET`, or `HEAD` to a handler of GET.
---@field path string Decoded.
---@field target string Path and query, as they came.
---@field params table<string, string> What `:names` in the handler's path stand for.
---@field query table<string, string> Decoded; of a name that came twice, the last.
---@field headers table<string, string> Names in lower case.
---@field body string Any bytes; empty if there is none.
---@field data any The body as JSON, if a schema is declared.
---@field ip string Address of the client.

---An answer: a body that is no string is sent as JSON.
---@class perigee.WebAnswer
---@field status integer 200 to 599.
---@field headers? table<string, string|number|string[]>
---@field body? any

---A string is answered as text, a `perigee.WebAnswer` as it says, nothing as
---204, everything else as JSON; `nil, "my.code", "text", data` is a problem.
---@alias perigee.WebHandler
---| fun(request: perigee.WebRequest): any, string?, string?, any

---Handlers, keyed by message type, and hooks, whose keys begin with `@`:
---
---    ---@type perigee.Script
---    local script = {}
---    script["chat.send"] = function(client, data) … end
---    return script
---@class perigee.Script
---@field [string] perigee.Handler|perigee.DeclaredHandler
---@field ["@token"]? perigee.TokenHook
---@field ["@auth"]? perigee.AuthHook
---@field ["@connect"]? perigee.ConnectHook
---@field ["@disconnect"]? perigee.DisconnectHook
---@field ["@away"]? perigee.AwayHook
---@field ["@back"]? perigee.BackHook
---@field ["@join"]? perigee.JoinHook
---@field ["@leave"]? perigee.LeaveHook
---@field ["@history"]? perigee.HistoryHook
---@field ["@message"]? perigee.MessageHook
---@field ["@online"]? perigee.OnlineHook
---@field ["@offline"]? perigee.OfflineHook
---@field ["@raw"]? perigee.RawHook
---@field ["@start"]? perigee.StartHook
---@field ["@stop"]? perigee.StopHook
---@field ["@emits"]? perigee.Emits What hooks, timers and several handlers send.
---@field ["@rooms"]? table<string, perigee.RoomRule> By name, or by a beginning and `*`.

---What is declared about rooms.
---@class perigee.RoomRule
---@field history? perigee.HistoryBounds Messages have numbers, and the newest are kept.
---@field latest? boolean Of messages with the same `opts.key` only the newest is kept.
---@field messages? integer Beside `latest`: how many are kept.
---@field seconds? number Beside `latest`: how long they are kept.
---@field bytes? integer Beside `latest`: how much is kept (1 MiB).
---@field presence? boolean|"count" Members learn who is there, or how many.
---@field resync? boolean A client that is behind is told so, and not closed.

---At least one of `messages` and `seconds`.
---@class perigee.HistoryBounds
---@field messages? integer How many are kept.
---@field seconds? number How long they are kept, and the room's position after its last member.
---@field bytes? integer How much is kept (1 MiB).
---@field when_down? "local"|"refuse" While Redis is away: to members here only, or nobody.

---Instead of the check of the JWT: user id and claims, or `nil, code, text`.
---@alias perigee.TokenHook
---| fun(client: perigee.Client, token: string): (string|integer)?, (table|string)?, string?, any

---After the token was accepted; `nil, code, text, data` refuses.
---@alias perigee.AuthHook fun(client: perigee.Client, claims: table): any, string?, string?, any

---Once a connection, after `auth_ok`.
---@alias perigee.ConnectHook fun(client: perigee.Client)

---Once for each connection that had `@connect`, whatever ended it.
---@alias perigee.DisconnectHook fun(client: perigee.Client, reason: string)

---A client with a session has lost its connection, and may come back.
---@alias perigee.AwayHook fun(client: perigee.Client, reason: string)

---It has come back, on another connection.
---@alias perigee.BackHook fun(client: perigee.Client)

---Before a join: `nil, code, text, data` refuses, a table becomes the reply's data.
---@alias perigee.JoinHook
---| fun(client: perigee.Client, room: string, data: table?): table?, string?, string?, any

---Before a member reads its room's history: `nil, code, text, data` refuses.
---@alias perigee.HistoryHook
---| fun(client: perigee.Client, room: string, query: table): any, string?, string?, any

---After a leave.
---@alias perigee.LeaveHook
---| fun(client: perigee.Client, room: string, reason: "left"|"disconnected"|"kicked")

---Before every handler; `nil, code, text, data` refuses.
---@alias perigee.MessageHook
---| fun(client: perigee.Client, type: string, data: any): any, string?, string?, any

---The user has a first connection in the whole process.
---@alias perigee.OnlineHook fun(user_id: string)

---The user's last connection has ended.
---@alias perigee.OfflineHook fun(user_id: string)

---A message to the path `raw.path`, as it came. Text is valid UTF-8.
---@alias perigee.RawHook
---| fun(client: perigee.Client, payload: string, is_binary: boolean)

---When this load of the scripts goes live, with what `@stop` has returned.
---@alias perigee.StartHook fun(previous: any)

---When it is replaced or the server ends: plain data for the next `@start`.
---@alias perigee.StopHook fun(): any
