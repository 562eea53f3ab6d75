// SPDX-License-Identifier: MIT
// nhooyr.io/websocket: URL AUTH
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"nhooyr.io/websocket"
)

const say = `{"type":"field.say","data":`

func main() {
	ctx := context.Background()
	socket, _, err := websocket.Dial(ctx, os.Args[1], nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	socket.Write(ctx, websocket.MessageText, []byte(os.Args[2]))
	for {
		_, data, err := socket.Read(ctx)
		if err != nil {
			fmt.Println("closed", int(websocket.CloseStatus(err)), err)
			return
		}
		text := string(data)
		fmt.Println("got", len(text))
		if strings.HasPrefix(text, say) {
			answer := text[len(say) : len(text)-1]
			socket.Write(ctx, websocket.MessageText, []byte(answer))
		}
		if strings.HasPrefix(text, `{"type":"field.bye"`) {
			socket.Close(websocket.StatusNormalClosure, "")
		}
	}
}
