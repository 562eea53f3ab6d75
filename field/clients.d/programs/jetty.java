// SPDX-License-Identifier: MIT
// Jetty 9's WebSocketClient: URL AUTH
import java.net.URI;
import java.util.concurrent.CountDownLatch;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.WebSocketAdapter;
import org.eclipse.jetty.websocket.client.WebSocketClient;

class jetty {
  static final String SAY = "{\"type\":\"field.say\",\"data\":";
  static final CountDownLatch done = new CountDownLatch(1);

  public static class Socket extends WebSocketAdapter {
    public void onWebSocketText(String text) {
      System.out.println("got " + text.getBytes().length);
      if (text.startsWith(SAY))
        getRemote().sendString(text.substring(SAY.length(), text.length() - 1),
                               null);
      if (text.startsWith("{\"type\":\"field.bye\""))
        getSession().close(1000, "");
    }

    public void onWebSocketClose(int code, String reason) {
      System.out.println("closed " + code + " " + reason);
      done.countDown();
    }

    public void onWebSocketError(Throwable error) {
      System.out.println("error " + error);
    }
  }

  public static void main(String[] args) throws Exception {
    WebSocketClient client = new WebSocketClient();
    client.start();
    Session session = client.connect(new Socket(), URI.create(args[0])).get();
    session.getRemote().sendString(args[1]);
    done.await();
    Thread.sleep(200);
    System.exit(0);
  }
}
