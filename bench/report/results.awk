# SPDX-License-Identifier: MIT
# Reads what bench/run has measured, for the programs beside this one. A line
# is "ROUND SCENARIO SERVER KEY=VALUE…".

{
  if ($1 > rounds) rounds = $1
  if (!($2 in known)) { known[$2] = 1; scenarios[++nscenarios] = $2 }
  if (!(($2, $3) in known)) {
    known[$2, $3] = 1
    servers[$2] = servers[$2] " " $3
  }
  for (i = 4; i <= NF; i++) {
    split($i, pair, "=")
    value[$1, $2, $3, pair[1]] = pair[2]
  }
}

# The median of numbers in a text; 0 if there are none.
function middle(text,    n, i, j, v, t) {
  n = split(text, v, " ")
  if (!n) return 0
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
      t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
    }
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function median(scenario, server, key,    r, text) {
  for (r = 1; r <= rounds; r++)
    if ((r, scenario, server, key) in value)
      text = text " " value[r, scenario, server, key]
  return middle(text)
}

# The CPU time of one measurement in that of another one. Both of the same
# round: what slows the machine for a while slows both.
function ratio(scenario, server, of_scenario, of_server,    r, a, b, text) {
  for (r = 1; r <= rounds; r++) {
    a = value[r, scenario, server, "cpu_us"]
    b = value[r, of_scenario, of_server, "cpu_us"]
    if (a > 0 && b > 0) text = text " " a / b
  }
  return middle(text)
}

# The bare server that does what a good one would do: with several messages
# under way to the same clients, that which lets them leave together.
function reference(scenario) {
  return scenario ~ /^rooms?-.*-w/ ? "cork" : "baseline"
}

function thousands(n) {
  n = n + 0
  return n < 1000 ? n "" : thousands(int(n / 1000)) "," sprintf("%03d", n % 1000)
}

# The number after such a letter: option("room-1000-w16", "w") is 16; else 0.
function option(scenario, letter) {
  if (!match(scenario, "-" letter "[0-9]+")) return 0
  return substr(scenario, RSTART + 2, RLENGTH - 2) + 0
}

# A scenario in words.
function title(scenario,    part, clients, text) {
  if (sub(/^tls-/, "", scenario)) return title(scenario) ", TLS"
  split(scenario, part, "-")
  clients = thousands(part[2])
  if (option(scenario, "a"))
    clients = thousands(option(scenario, "a")) " of " clients
  if (part[1] == "echo") text = "echo, " clients " clients"
  if (part[1] == "room") text = "a room of " clients
  if (part[1] == "rooms") text = "rooms of 10, " clients " clients"
  if (part[1] == "user") text = "to one user, " clients " clients"
  if (part[1] == "storm") text = clients " connect at once"
  if (part[1] == "heartbeat") text = clients " heartbeats in 25 s"
  if (part[1] == "idle") text = clients " idle clients"
  if (part[1] == "room" && option(scenario, "w"))
    text = text ", " option(scenario, "w") " in flight"
  if (option(scenario, "r"))
    text = text ", " thousands(option(scenario, "r")) " messages a second"
  return text
}

function name(server) {
  if (server == "baseline") return "bare epoll"
  if (server == "cork") return "bare epoll, gathering"
  if (server == "perigee") return "Perigee"
  if (server == "against") return "the other build"
  if (server == "socketio") return "socket.io"
  return server
}
