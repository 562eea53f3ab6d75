// SPDX-License-Identifier: MIT
// gorilla/websocket: URL AUTH; with "deflate" in front compression is on
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/gorilla/websocket"
)

const say = `{"type":"field.say","data":`

func main() {
	n := len(os.Args)
	url, auth := os.Args[n-2], os.Args[n-1]
	dialer := websocket.Dialer{EnableCompression: os.Args[1] == "deflate"}
	socket, _, err := dialer.Dial(url, nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	socket.WriteMessage(websocket.TextMessage, []byte(auth))
	for {
		_, data, err := socket.ReadMessage()
		if err != nil {
			fmt.Println("closed", err)
			return
		}
		text := string(data)
		fmt.Println("got", len(text))
		if strings.HasPrefix(text, say) {
			answer := text[len(say) : len(text)-1]
			socket.WriteMessage(websocket.TextMessage, []byte(answer))
		}
		if strings.HasPrefix(text, `{"type":"field.bye"`) {
			socket.WriteMessage(websocket.CloseMessage,
				websocket.FormatCloseMessage(1000, ""))
		}
	}
}
