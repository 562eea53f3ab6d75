% SPDX-License-Identifier: MIT
% SWI-Prolog's library(http/websocket): URL AUTH
:- use_module(library(http/websocket)).
:- initialization(main, main).

main([URL, Auth]) :-
    set_stream(user_output, buffer(line)),
    http_open_websocket(URL, Socket, []),
    ws_send(Socket, text(Auth)),
    receive(Socket).

receive(Socket) :-
    catch(ws_receive(Socket, Message, [format(string)]), Error,
          ( format("closed ~q~n", [Error]), halt)),
    take(Message.opcode, Message, Socket).

take(close, Message, _) :- !,
    format("closed ~w ~w~n", [Message.code, Message.data]).
take(text, Message, Socket) :- !,
    Text = Message.data,
    string_codes(Text, Codes),
    phrase(utf8_codes(Codes), Bytes),
    length(Bytes, Length),
    format("got ~d~n", [Length]),
    Say = "{\"type\":\"field.say\",\"data\":",
    (   string_concat(Say, Rest, Text)
    ->  sub_string(Rest, 0, _, 1, Answer),
        ws_send(Socket, text(Answer))
    ;   true
    ),
    (   string_concat("{\"type\":\"field.bye\"", _, Text)
    ->  ws_close(Socket, 1000, ""),
        format("closed by us~n")
    ;   receive(Socket)
    ).
take(_, _, Socket) :-
    receive(Socket).

:- use_module(library(utf8)).
