#!/bin/sh
# SPDX-License-Identifier: MIT
# Boost.Beast 1.74, with `client_enable = true`: it offers permessage-deflate
# with `server_max_window_bits=15; client_max_window_bits=15`.
# Guess: the plain offer, as all others send; 15 is what holds without a word
# (RFC 7692, 7.1.2.1). A server that cannot choose its window must decline an
# offer with that parameter, whatever its value, and so serves Beast's users
# without compression.
. "$(dirname "$0")/lib/findings.sh"
debian g++ libboost-dev
cat >"$folder/client.cc" <<'END'
#include <boost/asio/connect.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
using boost::asio::ip::tcp;
namespace websocket = boost::beast::websocket;
int main(int, char **argv) {
  boost::asio::io_context loop;
  websocket::stream<tcp::socket> socket(loop);
  boost::asio::connect(socket.next_layer(),
                       tcp::resolver(loop).resolve("127.0.0.1", argv[1]));
  websocket::permessage_deflate deflate;
  deflate.client_enable = true;
  socket.set_option(deflate);
  socket.handshake("127.0.0.1", "/");
  boost::beast::error_code ignored;
  socket.close(websocket::close_code::normal, ignored);
}
END
g++ -w -o "$folder/client" "$folder/client.cc" -lpthread
websocket_server deflate
port=${url##*:}
"$folder/client" "${port%/}"
frames 'offer: permessage-deflate; server_max_window_bits=15; client_max_window_bits=15
close code 1000'
