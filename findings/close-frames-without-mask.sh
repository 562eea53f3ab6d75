#!/bin/sh
# SPDX-License-Identifier: MIT
# Perl's Protocol::WebSocket::Client 0.26 and Emacs's websocket.el 1.13 mask
# what they send, but for the close frame.
# One would guess: all frames of a client are masked (RFC 6455, 5.1); a server
# that insists on it sees a protocol error (1002) at each goodbye.
. "$(dirname "$0")/lib/findings.sh"
debian libprotocol-websocket-perl emacs-nox elpa-websocket
websocket_server text=hello
cat >"$folder/client.pl" <<'END'
use IO::Socket::INET;
use Protocol::WebSocket::Client;
my ($host) = $ARGV[0] =~ m{//([^/]+)};
my $socket = IO::Socket::INET->new(PeerAddr => $host) or die;
my $client = Protocol::WebSocket::Client->new(url => $ARGV[0]);
$client->on(write => sub { $socket->syswrite($_[1]) });
$client->on(read => sub {
  $_[0]->write('answer');
  $_[0]->disconnect;
});
$client->connect;
while ($socket->sysread(my $bytes, 4096)) { $client->read($bytes) }
END
perl "$folder/client.pl" "$url"
frames 'text 6 bytes
close NOT MASKED code none'
websocket_server text=hello
cat >"$folder/client.el" <<'END'
(require 'websocket)
(defvar done nil)
(websocket-open (pop command-line-args-left)
 :on-message (lambda (socket _)
   (websocket-send-text socket "answer")
   (websocket-close socket)
   (setq done t)))
(while (not done) (accept-process-output nil 1))
END
emacs --batch --eval '(package-initialize)' -l "$folder/client.el" "$url" \
  2>/dev/null
frames 'text 6 bytes
close NOT MASKED code none'
