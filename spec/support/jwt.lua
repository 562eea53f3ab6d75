-- SPDX-License-Identifier: MIT
-- Tokens as an attacker would make them: any header, any signature.
local basexx = require "basexx"
local digest = require "openssl.digest"
local hmac = require "openssl.hmac"
local pkey = require "openssl.pkey"
local t = require "perigee.testing"

local jwt = {}

local function part(value)
  return basexx.to_url64(type(value) == "string" and value or t.encode(value))
end

-- header and claims are tables, or text as it is; `sign` makes the signature.
function jwt.make(header, claims, sign)
  local text = part(header) .. "." .. part(claims)
  return text .. "." .. (sign and basexx.to_url64(sign(text)) or "")
end

function jwt.hmac(hash, secret)
  return function(text)
    return hmac.new(secret, hash):final(text)
  end
end

function jwt.rsa(key)
  return function(text)
    return key:sign(digest.new("sha256"):update(text))
  end
end

function jwt.new_rsa_key()
  return pkey.new { type = "RSA", bits = 2048 }
end

-- The public half of an RSA key as a JWK; `more` are further members.
function jwt.jwk(key, more)
  local numbers = key:getParameters()
  local jwk = {
    kty = "RSA", use = "sig",
    n = basexx.to_url64(numbers.n:toBinary()),
    e = basexx.to_url64(numbers.e:toBinary()),
  }
  for name, value in pairs(more or {}) do
    jwk[name] = value
  end
  return jwk
end

-- A key set of these JWKs, as JSON.
function jwt.jwks(...)
  return t.encode { keys = t.array { ... } }
end

return jwt
