#!/bin/sh
# SPDX-License-Identifier: MIT
# Go's golang.org/x/net/websocket 0.7.0: a close frame with 4321 and a reason
# is told as io.EOF, the same as a connection that is lost.
# Guess: an error that has the code, as in gorilla's. There is no other way to
# get at it; a client cannot know that it was sent away for good.
. "$(dirname "$0")/lib/findings.sh"
debian golang-go golang-golang-x-net-dev
cat >"$folder/client.go" <<'END'
package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/net/websocket"
)

func main() {
	socket, err := websocket.Dial(os.Args[1], "", "http://127.0.0.1")
	if err != nil {
		panic(err)
	}
	var text string
	err = websocket.Message.Receive(socket, &text)
	fmt.Println(err, err == io.EOF)
}
END
(cd "$folder" && GO111MODULE=off GOPATH=/usr/share/gocode \
  GOCACHE=$folder/cache go build -o client client.go)
websocket_server close=4321,reason
"$folder/client" "$url" | expect 'closed 4321' 'EOF true'
websocket_server eof
"$folder/client" "$url" | expect 'lost' 'EOF true'
