// SPDX-License-Identifier: MIT
// The JDK's own java.net.http.WebSocket: URL AUTH
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;

class java_http {
  static final String SAY = "{\"type\":\"field.say\",\"data\":";
  static final CountDownLatch done = new CountDownLatch(1);

  static class Listener implements WebSocket.Listener {
    final StringBuilder whole = new StringBuilder();

    public CompletionStage<?> onText(WebSocket to, CharSequence part,
                                     boolean isLast) {
      System.out.println("got " + part.toString().getBytes().length);
      whole.append(part);
      if (isLast) {
        String text = whole.toString();
        whole.setLength(0);
        if (text.startsWith(SAY))
          to.sendText(text.substring(SAY.length(), text.length() - 1), true);
        if (text.startsWith("{\"type\":\"field.bye\""))
          to.sendClose(1000, "");
      }
      to.request(1);
      return null;
    }

    public CompletionStage<?> onClose(WebSocket to, int code, String reason) {
      System.out.println("closed " + code + " " + reason);
      done.countDown();
      return null;
    }

    public void onError(WebSocket to, Throwable error) {
      System.out.println("error " + error);
      done.countDown();
    }
  }

  public static void main(String[] args) throws Exception {
    WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder()
        .buildAsync(URI.create(args[0]), new Listener()).join();
    socket.sendText(args[1], true);
    done.await();
    Thread.sleep(200);
    System.exit(0);
  }
}
