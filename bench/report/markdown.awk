# SPDX-License-Identifier: MIT
# The results as the table of docs/performance.md; after results.awk.

function figure(x, unit) {
  return (x < 10 ? sprintf("%.2f", x) : sprintf("%.1f", x)) " " unit
}

# CPU time, and how many times that of the bare server.
function cost(scenario, server,    base, us) {
  base = reference(scenario)
  us = median(scenario, server == "baseline" ? base : server, "cpu_us")
  if (!us) return "–"
  return figure(us, "µs") (server == "baseline" ? "" : \
    sprintf(", **%.2f ×**", ratio(scenario, server, scenario, base)))
}

function memory(scenario, server) {
  if (!known[scenario, server]) return "–"
  return figure(median(scenario, server, "rss_kib"), "KiB")
}

# What the same message costs with more clients around.
function growth(many, few, server,    x) {
  x = ratio(many, server, few, server)
  return x ? sprintf("%.2f ×", x) : "–"
}

# row LABEL WHAT SCENARIO [FEW]
function row(label, what, scenario, few,    i, text) {
  text = "| " label " |"
  for (i = 1; i <= ncolumns; i++)
    text = text " " (what == "cost" ? cost(scenario, columns[i]) : \
      what == "memory" ? memory(scenario, columns[i]) : \
      growth(scenario, few, columns[i])) " |"
  print text
}

function header(first,    i, text, line) {
  text = "| " first " |"
  line = "|---|"
  for (i = 1; i <= ncolumns; i++) {
    text = text " " name(columns[i]) " |"
    line = line "--:|"
  }
  print "\n" text "\n" line
}

function clients_of(scenario,    part) {
  split(scenario, part, "-")
  return thousands(part[2])
}

# Whether a scenario differs from the other only in who else is there.
function has_more(scenario, than,    a, b) {
  split(scenario, a, "-")
  split(than, b, "-")
  return a[1] == b[1] && a[2] > b[2] + 0 && !option(than, "a") &&
    option(scenario, "w") == option(than, "w")
}

# Two workers against one: whatever they carry in a closed loop; of a rate, only
# one that both have carried is the same load.
function workers(scenario,    k, x, rate) {
  x = ratio(scenario, "workers-2", scenario, "workers-1")
  rate = option(scenario, "r")
  if (!x) return
  if (!two++) print "\n| | one worker | two workers |\n|---|--:|--:|"
  for (k = 1; k <= 2; k++)
    if (rate && median(scenario, "workers-" k, "rate") < 0.95 * rate) {
      print "| " title(scenario) " | not carried | – |"
      return
    }
  printf "| %s | %s | %s, **%.2f ×** |\n",
    title(scenario) (rate ? "" : ", closed loop"),
    figure(median(scenario, "workers-1", "cpu_us"), "µs"),
    figure(median(scenario, "workers-2", "cpu_us"), "µs"), x
}

END {
  print "\n![CPU time of the servers, in that of bare epoll](performance.svg)"
  ncolumns = split("baseline perigee ws socketio", columns, " ")
  header("server CPU per delivered message")
  for (s = 1; s <= nscenarios; s++)
    if (scenarios[s] !~ /^(idle|storm)/ &&
      median(scenarios[s], "perigee", "cpu_us"))
      row(title(scenarios[s]), "cost", scenarios[s])
  header("per connection")
  for (s = 1; s <= nscenarios; s++) {
    if (scenarios[s] ~ /^storm/)
      row("CPU, " title(scenarios[s]), "cost", scenarios[s])
    if (scenarios[s] ~ /^idle/)
      row("memory, " title(scenarios[s]), "memory", scenarios[s])
  }
  header("growth of the cost")
  for (s = 1; s <= nscenarios; s++)
    for (t = 1; t <= nscenarios; t++)
      if (scenarios[s] ~ /^(user|rooms)/ && has_more(scenarios[t], scenarios[s]))
        row(title(scenarios[t]) " against " clients_of(scenarios[s]), "growth",
          scenarios[t], scenarios[s])
  for (s = 1; s <= nscenarios; s++)
    workers(scenarios[s])
}
