# SPDX-License-Identifier: MIT
# tcllib's websocket: URL AUTH
package require websocket

fconfigure stdout -buffering line
lassign $argv url auth
set say "\{\"type\":\"field.say\",\"data\":"
set bye "\{\"type\":\"field.bye\""

proc on_event {socket type text} {
  global say bye auth done
  switch $type {
    connect { ::websocket::send $socket text $auth }
    text {
      puts "got [string length [encoding convertto utf-8 $text]]"
      if {[string first $say $text] == 0} {
        set answer [string range $text [string length $say] end-1]
        ::websocket::send $socket text $answer
      }
      if {[string first $bye $text] == 0} {
        ::websocket::close $socket 1000
      }
    }
    close - disconnect - error { puts "closed $type $text" }
  }
  if {$type in {disconnect error}} { after 300 set done yes }
}

::websocket::open $url on_event
vwait done
