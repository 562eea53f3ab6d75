# SPDX-License-Identifier: MIT
# What `perigee bench --json` says of one measurement, as the "KEY=VALUE…" of
# build-bench/results; results.awk reads them.

function figure(name) {
  if (!match($0, "\"" name "\":[-+.0-9e]+")) return "?"
  return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}

/^\{"scenario":"idle"/ {
  printf "rss_kib=%.2f cpu_ms=%.2f\n", figure("bytes_per_connection") / 1024,
    figure("cores") * 1000
  next
}

# The server's `cores` stand before the generator's.
/^\{/ {
  printf "cpu_us=%s rate=%.0f p50_us=%.0f p99_us=%.0f busy=%.2f\n",
    figure("cpu_us_per_delivery"), figure("per_s"), figure("p50_us"),
    figure("p99_us"), figure("cores")
}
