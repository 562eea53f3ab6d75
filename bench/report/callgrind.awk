# SPDX-License-Identifier: MIT
# What callgrind has counted, for each call of router_message; before each line
# stands the number that it is to be sorted by, and a tab.

# "(7) name", or "(7)" when it had its name before.
function named(text,    id) {
  id = text
  sub(/\).*/, ")", id)
  if (index(text, " ")) names[id] = substr(text, index(text, " ") + 1)
  return names[id]
}

function plain(name) { sub(/'[0-9]+$/, "", name); return name }

/^fn=/ { at = named(substr($0, 4)); next }
/^cfn=/ { called = named(substr($0, 5)); next }
/^calls=/ { split(substr($0, 7), n, " "); calls[plain(called)] += n[1]; within = 1; next }
/^[-+*0-9]/ && NF >= 2 {
  if (!within) { own[plain(at)] += $2; all += $2 }
  else if (plain(at) != plain(called)) below[plain(called)] += $2
  within = 0
}

END {
  messages = calls["router_message"]
  if (!messages) { print "no message came"; exit 1 }
  printf "9999999999\t%d messages, %.0f instructions each\n", messages,
    all / messages
  printf "9999999998\t%10s%10s%8s\n", "own", "with all", "calls"
  for (name in own) sorted[++count] = own[name]
  least = 0
  for (k = 1; k <= top && k <= count; k++) {
    best = -1
    for (i = 1; i <= count; i++) if (sorted[i] > best) { best = sorted[i]; which = i }
    least = best
    sorted[which] = -1
  }
  for (name in own)
    if (own[name] >= least)
      printf "%.0f\t%10.1f%10.1f%8.2f  %s\n", own[name], own[name] / messages,
        (below[name] ? below[name] : own[name]) / messages,
        calls[name] / messages, name
}
