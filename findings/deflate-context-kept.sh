#!/bin/sh
# SPDX-License-Identifier: MIT
# Tornado 6.2 (compression_options={}) and Mojo::UserAgent 9.31 (with the
# header set by hand, as its documentation shows) take an answer that has
# `client_no_context_takeover`, and keep their context all the same.
# One would guess: each message can be inflated by itself, as the answer says
# (RFC 7692, 7.1.1.2). The first can, the second refers to the first.
. "$(dirname "$0")/lib/findings.sh"
debian python3-tornado libmojolicious-perl
websocket_server deflate read=2
cat >"$folder/client.py" <<'END'
import asyncio, sys
from tornado.websocket import websocket_connect
async def main():
    socket = await websocket_connect(sys.argv[1], compression_options={})
    for _ in range(2):
        await socket.write_message("the same words, the same words")
    socket.close(1000)
    await asyncio.sleep(0.5)
asyncio.run(main())
END
/usr/bin/python3 "$folder/client.py" "$url"
frames 'offer: permessage-deflate; client_max_window_bits
text compressed 30 bytes
text compressed not to be inflated by itself
close code 1000'
websocket_server deflate read=2
cat >"$folder/client.pl" <<'END'
use Mojo::UserAgent;
use Mojo::IOLoop;
my $ua = Mojo::UserAgent->new;
$ua->websocket($ARGV[0],
  {'Sec-WebSocket-Extensions' => 'permessage-deflate'}, sub {
    my ($ua, $tx) = @_;
    $tx->send('the same words, the same words');
    $tx->send('the same words, the same words', sub {
      $tx->finish(1000);
      Mojo::IOLoop->timer(0.5 => sub { Mojo::IOLoop->stop });
    });
  });
Mojo::IOLoop->start;
END
perl "$folder/client.pl" "$url"
frames 'offer: permessage-deflate
text compressed 30 bytes
text compressed not to be inflated by itself
close code 1000'
