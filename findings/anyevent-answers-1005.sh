#!/bin/sh
# SPDX-License-Identifier: MIT
# AnyEvent::WebSocket::Client 0.54 answers a close frame with code 1005.
# One would guess: the code that it got, or none; 1005 stands for "there was
# no code" and must not be sent (RFC 6455, 7.4.1).
. "$(dirname "$0")/lib/findings.sh"
debian libanyevent-websocket-client-perl
websocket_server text=hello close=4321,reason
cat >"$folder/client.pl" <<'END'
use AnyEvent;
use AnyEvent::WebSocket::Client;
my $done = AnyEvent->condvar;
my $socket = AnyEvent::WebSocket::Client->new->connect($ARGV[0])->recv;
$socket->on(finish => sub { print $socket->close_code, "\n"; $done->send });
$done->recv;
END
perl "$folder/client.pl" "$url" | expect 'told to its user' 4321
frames 'close code 1005'
