#!/bin/sh
# SPDX-License-Identifier: MIT
# SWI-Prolog 9.0.4: `http_open_websocket` asks in HTTP/1.0.
# Guess: HTTP/1.1, which RFC 6455 (4.1) demands of the request and without
# which there is no `Upgrade`. Servers that look at it answer 400; what its user
# sees is "No permission to open websocket".
. "$(dirname "$0")/lib/findings.sh"
debian swi-prolog-nox
websocket_server request text=hello
cat >"$folder/client.pl" <<'END'
:- use_module(library(http/websocket)).
:- initialization(main, main).
main([URL]) :-
    http_open_websocket(URL, Socket, []),
    ws_receive(Socket, Message),
    format("~w~n", [Message.data]),
    ws_close(Socket, 1000, "").
END
swipl "$folder/client.pl" "$url" | expect 'its user sees' hello
frames 'GET / HTTP/1.0
close code 1000'
