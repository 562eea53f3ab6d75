---@meta perigee
-- SPDX-License-Identifier: MIT
-- The library of scripts, for editors with the Lua language server: what
-- completes and is checked while one types; perigee.store.d.lua is a part of it, and
-- perigee.script.d.lua says what scripts return. Nothing loads these files;
-- docs/scripting.md of Perigee says more about everything in them.

---@class perigee
local perigee = {}

-- The client object ------------------------------------------------------

---One connection. Methods answer `nil, "closed"` once it is over.
---@class perigee.Client
---@field id integer Number of the connection; not used twice while the server runs.
---@field user_id string? Nil until a token was accepted.
---@field claims table? What the token said.
---@field ip string Address of the peer.
---@field headers table<string, string> Of the handshake, names in lower case.
---@field connected_at integer Unix seconds.
---@field is_raw boolean Whether it came to `raw.path`.
---@field is_away boolean Whether its session waits for it to come back.
---@field state table For scripts: plain data, which survives reloads.
local client = {}

---@param message perigee.Message
---@return true?
---@return "closed"?
function client:send(message) end

---A message as it is; only for raw connections.
---@param payload string Valid UTF-8, unless it is binary.
---@param is_binary? boolean
---@return true?
---@return "closed"?
function client:send_raw(payload, is_binary) end

---Joins a room, if `@join` lets it; the client is told. Only scripts join rooms
---whose names begin with `~`.
---@param room string
---@return true?
---@return string? code
---@return string? text
---@return any data Of the refusal.
function client:join(room) end

---Leaves a room; the client is told. Whether it was a member.
---@param room string
---@return boolean?
---@return "closed"?
function client:leave(room) end

---Whether it is a member.
---@param room string
---@return boolean?
---@return "closed"?
function client:is_in(room) end

---The names of its rooms.
---@return string[]?
---@return "closed"?
function client:rooms() end

---What members of its rooms with `presence` are told of its user: plain data, at
---most 1 KiB of JSON; nil: nothing.
---@param info table?
---@return true?
---@return string? code
---@return string? text
function client:set_info(info) end

---Closes the connection. Without a code it is 4502: do not come back.
---@param code? integer 1000 to 1003, 1007 to 1014, or 3000 to 4999.
---@param reason? string At most 123 bytes.
---@return true?
---@return "closed"?
function client:close(code, reason) end

---Whether it can be sent to.
---@return boolean
function client:is_open() end

-- Sending ----------------------------------------------------------------

---@class perigee.Message
---@field type string 1 to 64 of `A-Z a-z 0-9 _ . : -`.
---@field data? any What JSON can say; anything else raises and reaches nobody.

---@class perigee.SendOptions
---@field except? perigee.Client Leaves this connection out.
---@field drop? boolean Leaves those out that are behind.

---To all connections of a user.
---@param user_id string
---@param message perigee.Message
---@param opts? perigee.SendOptions
---@return integer queued For how many connections.
function perigee.send_to_user(user_id, message, opts) end

---Of a room with a history: how a message is kept.
---@class perigee.RoomSendOptions: perigee.SendOptions
---@field key? string With `latest`, the newest message of each key is kept.
---@field id? string A second message with this id within 5 minutes is not sent.
---@field keep? boolean `false`: it has no number and is not kept, as with `except` and `drop`.
---@field confirm? boolean Waits until it has its number, also with several machines.

---To all members of a room; the message carries the `room`.
---@param room string
---@param message perigee.Message
---@param opts? perigee.RoomSendOptions
---@return integer? queued For how many connections; or nil, code and text.
---@return integer|string|nil seq Its number, in a room with a history.
---@return string? text
function perigee.send_to_room(room, message, opts) end

---Of which messages a page is; with neither number, of the newest ones.
---@class perigee.HistoryQuery
---@field after? integer Those after this number, the oldest of them first.
---@field before? integer Those before this number, up to it.
---@field limit? integer 1 to 1000 (50).

---@class perigee.HistoryMessage
---@field seq integer Its number.
---@field type string
---@field data any
---@field at integer When it was sent, in Unix milliseconds.

---@class perigee.HistoryPage
---@field epoch string Which counting the numbers are of.
---@field seq integer The number of the room's last message, kept or not.
---@field messages perigee.HistoryMessage[] In the order of their numbers.
---@field more boolean Whether there is more in that direction.

---What is kept of a room; waits for it.
---@param room string
---@param query? perigee.HistoryQuery
---@return perigee.HistoryPage? page Or nil, code and text: `"NOT_FOUND"` for other rooms.
---@return string? code
---@return string? text
function perigee.history(room, query) end

---Drops what is kept of a room; its counting begins anew.
---@param room string
---@return boolean forgotten Whether it is a room with a history.
function perigee.forget(room) end

---To everyone who is logged in.
---@param message perigee.Message
---@param opts? perigee.SendOptions
---@return integer queued For how many connections.
function perigee.broadcast(message, opts) end

-- Who is there -----------------------------------------------------------

-- With several machines (`engine = "redis"`) these functions wait for the
-- others. If not all of them answer, they return nil, `"UNAVAILABLE"` and a text.

---Whether the user has a connection.
---@param user_id string
---@return boolean
function perigee.is_online(user_id) end

---How many connections the user has.
---@param user_id string
---@return integer
function perigee.devices(user_id) end

---@param user_id string
---@return perigee.Client[]
function perigee.clients_of(user_id) end

---The ids of all users that are logged in, sorted, each one once.
---@return string[]
function perigee.users() end

---How many users are in a room, and with how many connections.
---@param room string
---@return integer users
---@return integer connections
function perigee.count(room) end

---The user ids in a room, sorted, each one once.
---@param room string
---@return string[]
function perigee.members(room) end

---@class perigee.Presence
---@field user string
---@field devices integer With how many connections he is there.
---@field since integer Unix seconds.
---@field info table? What `client:set_info` said.

---The users in a room that has a rule with `presence`, in the order in which
---they came.
---@param room string
---@return perigee.Presence[]?
---@return string? code
---@return string? text
function perigee.presence(room) end

---The rooms that somebody is in, sorted.
---@return string[]
function perigee.rooms() end

---Closes all connections of a user with 4502; returns how many.
---@param user_id string
---@param reason? string At most 123 bytes.
---@return integer
function perigee.kick(user_id, reason) end

-- Time -------------------------------------------------------------------

---Unix seconds, with fractions.
---@return number
function perigee.now() end

---A signature with a shared secret, of a webhook for example.
---@param key string
---@param text string
---@param algorithm? "sha256"|"sha512"|"sha1" Without it sha256.
---@param encoding? "hex"|"base64"|"raw" Without it lower-case hex.
---@return string
function perigee.hmac(key, text, algorithm, encoding) end

---Whether two texts are the same; the time that it takes does not tell where
---they differ.
---@param a string
---@param b string
---@return boolean
function perigee.equal(a, b) end

---Waits; other clients go on meanwhile.
---@param seconds number
function perigee.sleep(seconds) end

---@class perigee.Timer
local timer = {}

---Stops it; it does not run again.
function timer:cancel() end

---Runs a function once, later; not any more after a reload.
---@param seconds number
---@param fn fun()
---@return perigee.Timer
function perigee.after(seconds, fn) end

---Runs a function again and again, until a reload; one run waits for the end of the last.
---@param seconds number
---@param fn fun()
---@return perigee.Timer
function perigee.every(seconds, fn) end

---Runs a function beside this one, which does not wait for it.
---@param fn fun(...)
---@param ... any
function perigee.spawn(fn, ...) end

-- The outside ------------------------------------------------------------

---@class perigee.FetchOptions
---@field method? string
---@field headers? table<string, string>
---@field body? string
---@field json? any Sent as JSON, with its content type.
---@field timeout? number Seconds.
---@field connect_timeout? number Seconds.
---@field redirects? integer
---@field max_bytes? integer Of the answer.

---@class perigee.FetchResponse
---@field status integer
---@field headers table<string, any> Names in lower case.
---@field body string

---An HTTP request. Waits; other clients go on meanwhile.
---@param url string
---@param opts? perigee.FetchOptions
---@return perigee.FetchResponse?
---@return string? code
---@return string? text
function perigee.fetch(url, opts) end

---@class perigee.EmitOptions
---@field user? string Whom it is about: events of one user reach the backend in order.

---Tells the backend (`events.url`) what happened, at least once. Does not wait;
---what the handler does next is seen when the event cannot be lost any more.
---@param type string Of letters, digits and `-_.:/`; not `user.…`, `client.…`, `room.…`.
---@param data? any
---@param opts? perigee.EmitOptions
---@return string|false? id False: `events.types` does not choose it.
---@return string? code "OVERLOADED" when the outbox is full, "UNAVAILABLE" without `events.url`.
---@return string? text
function perigee.emit(type, data, opts) end

-- JSON and tokens --------------------------------------------------------

perigee.json = {}

---JSON's null, which is not nil.
---@type userdata
perigee.json.null = nil

---Raises where sending would.
---@param value any
---@return string
function perigee.json.encode(value) end

---@param text string
---@return any
---@return "bad_json"?
---@return string? text
function perigee.json.decode(text) end

---Marks a table (or a new one) as array, so that it is `[]` when it is empty.
---@generic T: table
---@param list? T
---@return T
function perigee.json.array(list) end

perigee.jwt = {}

---A token, signed with the configured key; put an `exp` in.
---@param claims table
---@return string
function perigee.jwt.sign(claims) end

---The claims of a token.
---@param token string
---@return table?
---@return "INVALID_TOKEN"|"TOKEN_EXPIRED"|"TOKEN_NOT_YET_VALID"|"UNAVAILABLE"|nil
---@return string? text
function perigee.jwt.verify(token) end

-- Telling ----------------------------------------------------------------

---Lines of the server's log, with place and generation.
perigee.log = {}

---@param text any
---@param fields? table Appended as `key=value`.
function perigee.log.debug(text, fields) end

---@param text any
---@param fields? table Appended as `key=value`.
function perigee.log.info(text, fields) end

---@param text any
---@param fields? table Appended as `key=value`.
function perigee.log.warn(text, fields) end

---@param text any
---@param fields? table Appended as `key=value`.
function perigee.log.error(text, fields) end

---Numbers for `/metrics` of the admin address. A name is made of
---`A-Z a-z 0-9 _ :`; labels are strings, numbers or booleans.
perigee.metrics = {}

---Counts up.
---@param name string
---@param amount? number 1 unless given; never negative.
---@param labels? table<string, string|number|boolean>
function perigee.metrics.counter(name, amount, labels) end

---Says how much there is now.
---@param name string
---@param value number
---@param labels? table<string, string|number|boolean>
function perigee.metrics.gauge(name, value, labels) end

---Notes one measured value, mostly seconds.
---@param name string
---@param value number
---@param labels? table<string, string|number|boolean>
function perigee.metrics.histogram(name, value, labels) end

-- Facts ------------------------------------------------------------------

---The number of this load of the scripts.
---@type integer
perigee.generation = nil

---The number of the thread.
---@type integer
perigee.worker = nil

---The `vars` of the configuration.
---@type table<string, any>
perigee.config = nil

return perigee
