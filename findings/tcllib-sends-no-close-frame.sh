#!/bin/sh
# SPDX-License-Identifier: MIT
# tcllib 1.21, websocket: `::websocket::close $socket 1000` sends nothing.
# One would guess: a close frame with 1000, as the manual says. But it notes
# "CLOSED" before it calls `send`, which refuses to send on what is closed. A
# server sees a connection that is lost (1006).
. "$(dirname "$0")/lib/findings.sh"
debian tcl tcllib
websocket_server text=hello
cat >"$folder/client.tcl" <<'END'
package require websocket
proc on_event {socket type text} {
  if {$type eq "text"} {
    ::websocket::send $socket text answer
    ::websocket::close $socket 1000
    after 500 {set ::done yes}
  }
}
::websocket::open [lindex $argv 0] on_event
vwait done
END
tclsh "$folder/client.tcl" "$url"
frames 'text 6 bytes'
