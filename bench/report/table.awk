# SPDX-License-Identifier: MIT
# The results for a terminal; after results.awk.

function times(x) { return x ? sprintf("%.2f", x) : "-" }

function head(scenario) {
  printf "\n%-18s", scenario
  if (scenario ~ /^(tls-)?idle/) printf "%12s\n", "KiB/client"
  else if (scenario ~ /^heartbeat/) printf "%12s\n", "cpu ms/s"
  else
    printf "%12s%12s%8s%12s%10s%10s%8s\n",
      scenario ~ /^(tls-)?storm/ ? "cpu us/conn" : "cpu us/msg", "x baseline",
      "x cork", scenario ~ /^(tls-)?storm/ ? "conn/s" : "msg/s", "p50 us", "p99 us",
      "busy"
}

function row(scenario, server) {
  printf "  %-16s", server
  if (scenario ~ /^heartbeat/) {
    printf "%12.2f\n", median(scenario, server, "cpu_ms")
    return
  }
  if (scenario ~ /^(tls-)?idle/) {
    printf "%12.2f\n", median(scenario, server, "rss_kib")
    return
  }
  printf "%12.2f%12s%8s%12d%10d%10d%8.2f\n",
    median(scenario, server, "cpu_us"),
    times(ratio(scenario, server, scenario, "baseline")),
    times(ratio(scenario, server, scenario, "cork")),
    median(scenario, server, "rate"), median(scenario, server, "p50_us"),
    median(scenario, server, "p99_us"), median(scenario, server, "busy")
}

END {
  for (s = 1; s <= nscenarios; s++) {
    head(scenarios[s])
    n = split(servers[scenarios[s]], list, " ")
    for (k = 1; k <= n; k++)
      row(scenarios[s], list[k])
    x = ratio(scenarios[s], "workers-2", scenarios[s], "workers-1")
    if (x) printf "  two workers cost %.2f x one\n", x
    x = ratio(scenarios[s], "perigee", scenarios[s], "against")
    if (x) printf "  this build costs %.2f x the other one\n", x
  }
}
