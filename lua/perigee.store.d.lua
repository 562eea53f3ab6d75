---@meta perigee.store
-- SPDX-License-Identifier: MIT
-- What workers and machines share, for editors with the Lua language server: a
-- part of perigee.d.lua.

---@class perigee
local perigee = {}

---Keys and values that all workers share and reloads leave alone; plain data, and copies.
---With `store.shared` (all machines) each function waits, and may return "UNAVAILABLE".
perigee.store = {}

---@param key string
---@return any
---@return string? code
---@return string? text
function perigee.store.get(key) end

---@param key string
---@param value any Nil deletes.
---@param ttl? number Seconds until it is gone.
---@return true?
---@return string? code
---@return string? text
function perigee.store.set(key, value, ttl) end

---Sets a value only if there is none; whether it did.
---@param key string
---@param value any
---@param ttl? number Seconds until it is gone.
---@return boolean
---@return string? code
---@return string? text
function perigee.store.add(key, value, ttl) end

---Adds to a number, which begins at 0; returns the sum.
---@param key string
---@param by? number 1, unless given.
---@param ttl? number Seconds until it is gone; counts when it is created.
---@return number
---@return string? code
---@return string? text
function perigee.store.incr(key, by, ttl) end

---Sets a key to what the function makes of its value; called again when others were
---faster, so it only computes. `nil` deletes; `nil, code, text` changes nothing.
---@generic T
---@param key string
---@param fn fun(value: T?): T?, string?, string?, any
---@param ttl? number Seconds until it is gone; without it, as before.
---@return T?
---@return string? code
---@return string? text
---@return any data
function perigee.store.update(key, fn, ttl) end

---Whether there was one.
---@param key string
---@return boolean
---@return string? code
---@return string? text
function perigee.store.delete(key) end

---The keys, sorted: at most 10,000, those that were used last.
---@param prefix? string Only those that begin with it.
---@return string[]
---@return true|string? more There may be more keys; or the code, and a text.
function perigee.store.keys(prefix) end

---@class perigee.OwnerRules
---@field every number Seconds between the calls of `tick`, 0.01 to 60.
---@field tick fun(state: any, told: any[], name: string): any The next state; nil: over.
---@field save? number Seconds between saves of the state: 1; 0: after each tick.

---@class perigee.Owner
local owner = {}

---A message for the next tick, wherever that is; in the order of these calls.
---@param message any Plain data.
---@return true?
---@return string? code "OVERLOADED" when too many wait, "UNAVAILABLE" without Redis.
---@return string? text
function owner:tell(message) end

---Whether the ticks are here, in this worker, now.
---@return boolean
function owner:is_here() end

---Has a function called again and again, in one place of all workers and machines, with
---what it returned before and what it was told since; elsewhere, when that place is lost.
---@param name string
---@param rules perigee.OwnerRules
---@return perigee.Owner
function perigee.owner(name, rules) end
