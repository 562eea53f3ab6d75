// SPDX-License-Identifier: MIT
// golang.org/x/net/websocket: URL AUTH
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/websocket"
)

const say = `{"type":"field.say","data":`

func main() {
	// It insists on an Origin, as if it were a page.
	origin := strings.Replace(strings.TrimSuffix(os.Args[1], "/ws"), "ws:", "http:", 1)
	socket, err := websocket.Dial(os.Args[1], "", origin)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	websocket.Message.Send(socket, os.Args[2])
	for {
		var text string
		if err := websocket.Message.Receive(socket, &text); err != nil {
			fmt.Println("closed", err)
			return
		}
		fmt.Println("got", len(text))
		if strings.HasPrefix(text, say) {
			websocket.Message.Send(socket, text[len(say):len(text)-1])
		}
		if strings.HasPrefix(text, `{"type":"field.bye"`) {
			socket.WriteClose(1000)
		}
	}
}
