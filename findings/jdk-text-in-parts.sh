#!/bin/sh
# SPDX-License-Identifier: MIT
# The JDK's java.net.http.WebSocket (17) calls `onText` several times for a
# message that came in one frame, with `last` false but for the last time.
# Guess: `last` is about the sender's fragments, so that a server which never
# fragments is read whole. Seen: parts, as the bytes came from the socket.
. "$(dirname "$0")/lib/findings.sh"
debian openjdk-17-jdk-headless
cat >"$folder/Parts.java" <<'END'
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.CompletionStage;

public class Parts {
  public static void main(String[] args) throws Exception {
    HttpClient.newHttpClient().newWebSocketBuilder()
        .buildAsync(URI.create(args[0]), new WebSocket.Listener() {
          int parts;
          public CompletionStage<?> onText(WebSocket to, CharSequence part,
                                           boolean last) {
            parts++;
            if (last) {
              System.out.println(parts > 1 ? "parts" : "whole");
              System.exit(0);
            }
            to.request(1);
            return null;
          }
        }).join();
    Thread.sleep(20000);
  }
}
END
websocket_server text=100000
java "$folder/Parts.java" "$url" | expect 'onText' parts
