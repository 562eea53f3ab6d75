# SPDX-License-Identifier: MIT
# The results as an SVG picture; after results.awk. Bars are the CPU time of a
# server in that of bare epoll. A long one is cut at the edge and says so: on
# one scale with it nobody could see the others.

function text(x, y, class, anchor, words) {
  printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s</text>\n",
    x, y, class, anchor, words
}

function scale(x) { return LEFT + x * UNIT }

function style() {
  print "<style>"
  print "text { font: 12px system-ui, sans-serif; fill: #1f2328 }"
  print ".small { font-size: 11px; fill: #59636e }"
  print ".grid { stroke: #d1d9e0 } .one { stroke: #1f2328; stroke-dasharray: 3 2 }"
  print ".perigee { fill: #0969da } .ws { fill: #9a6700 } .socketio { fill: #8c959f }"
  print "@media (prefers-color-scheme: dark) {"
  print "text { fill: #e6edf3 } .small { fill: #9198a1 }"
  print ".grid { stroke: #3d444d } .one { stroke: #e6edf3 }"
  print ".perigee { fill: #4493f8 } .ws { fill: #d29922 } .socketio { fill: #767e87 }"
  print "}"
  print "</style>"
}

function legend(    k, x) {
  x = LEFT
  for (k = 1; k <= nbars; k++) {
    printf "<rect x=\"%d\" y=\"10\" width=\"12\" height=\"12\" rx=\"2\" class=\"%s\"/>\n",
      x, bars[k]
    text(x + 18, 20, "label", "start", name(bars[k]))
    x += 100
  }
}

function rule(x, class, bottom) {
  printf "<path d=\"M%.1f %dV%d\" class=\"%s\"/>\n", scale(x), TOP - 6, bottom,
    class
}

function grid(bottom,    x) {
  for (x = 0; x <= MOST; x++) {
    rule(x, "grid", bottom)
    text(scale(x), bottom + 14, "small", "middle", x " ×")
  }
  text(LEFT, bottom + 32, "small", "start",
    "server CPU time, bare epoll = 1 ×; shorter is better")
}

function bar(y, server, x,    end) {
  end = x < MOST ? x : MOST
  printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"/>\n",
    LEFT, y, end * UNIT, BAR - 2, server
  text(scale(end) + 5, y + BAR - 4, "small", "start",
    sprintf("%.2f", x) (x > MOST ? " →" : ""))
}

function group(y, scenario,    k, x) {
  text(LEFT - 10, y + nbars * BAR / 2 + 3, "label", "end", title(scenario))
  for (k = 1; k <= nbars; k++) {
    x = ratio(scenario, bars[k], scenario, reference(scenario))
    if (x) bar(y + (k - 1) * BAR, bars[k], x)
  }
}

END {
  LEFT = 210; TOP = 44; BAR = 14; GAP = 12; MOST = 8; WIDTH = 760
  UNIT = (WIDTH - LEFT - 60) / MOST
  nbars = split("perigee ws socketio", bars, " ")
  for (s = 1; s <= nscenarios; s++)
    if (scenarios[s] !~ /^idle/ && median(scenarios[s], "perigee", "cpu_us"))
      shown[++nshown] = scenarios[s]
  bottom = TOP + nshown * (nbars * BAR + GAP)
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" " \
    "viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, bottom + 42, WIDTH, bottom + 42
  print "<title>CPU time of Perigee, ws and socket.io, in that of bare epoll</title>"
  style()
  legend()
  grid(bottom)
  for (s = 1; s <= nshown; s++)
    group(TOP + (s - 1) * (nbars * BAR + GAP), shown[s])
  rule(1, "one", bottom) # over the bars
  print "</svg>"
}
