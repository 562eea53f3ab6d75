#!/bin/sh
# SPDX-License-Identifier: MIT
# Redis 7.0: a number in a script becomes text in three ways, and none of them
# is what one would guess.
# Guess: 0.1 is stored as 0.1, a hundred quadrillion as 100000000000000000,
# and a number is the same whether it is an argument, joined or returned.
# Seen: as an argument it has 17 digits, joined with .. it has 14, what is
# returned is cut to an integer; from 1e17 on INCR refuses what SET stored.
. "$(dirname "$0")/lib/findings.sh"
debian redis-server redis-tools
redis-server --port 0 --unixsocket "$folder/socket" --save '' \
  --daemonize no >"$folder/log" 2>&1 &
server=$!
while ! redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do sleep 0.1; done
{
  for script in \
    'redis.call("SET", "k", 0.1) return redis.call("GET", "k")' \
    'return 0.1 .. ""' \
    'redis.call("SET", "k", 100000000000000000) return redis.call("GET", "k")' \
    'return redis.pcall("INCR", "k")' \
    'redis.call("SET", "k", 2^53 - 1) return redis.call("GET", "k")' \
    'return 2^53 - 1 .. ""' \
    'return -1.9'; do
    printf '%s -> ' "$script"
    redis-cli -s "$folder/socket" eval "$script" 0 2>&1 | head -n 1
  done
} | expect 'redis-cli eval' \
'redis.call("SET", "k", 0.1) return redis.call("GET", "k") -> 0.10000000000000001
return 0.1 .. "" -> 0.1
redis.call("SET", "k", 100000000000000000) return redis.call("GET", "k") -> 1e+17
return redis.pcall("INCR", "k") -> ERR value is not an integer or out of range
redis.call("SET", "k", 2^53 - 1) return redis.call("GET", "k") -> 9007199254740991
return 2^53 - 1 .. "" -> 9.007199254741e+15
return -1.9 -> -1'
