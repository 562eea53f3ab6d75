// SPDX-License-Identifier: MIT
// OkHttp 3: URL AUTH
import java.util.concurrent.CountDownLatch;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;

class okhttp {
  static final String SAY = "{\"type\":\"field.say\",\"data\":";
  static final CountDownLatch done = new CountDownLatch(1);

  public static void main(String[] args) throws Exception {
    new OkHttpClient().newWebSocket(
        new Request.Builder().url(args[0]).build(), new WebSocketListener() {
          public void onOpen(WebSocket to, Response response) {
            to.send(args[1]);
          }

          public void onMessage(WebSocket to, String text) {
            System.out.println("got " + text.getBytes().length);
            if (text.startsWith(SAY))
              to.send(text.substring(SAY.length(), text.length() - 1));
            if (text.startsWith("{\"type\":\"field.bye\""))
              to.close(1000, "");
          }

          public void onClosing(WebSocket to, int code, String reason) {
            System.out.println("closing " + code + " " + reason);
            to.close(code, reason);
          }

          public void onClosed(WebSocket to, int code, String reason) {
            System.out.println("closed " + code + " " + reason);
            done.countDown();
          }

          public void onFailure(WebSocket to, Throwable error, Response r) {
            System.out.println("error " + error);
            done.countDown();
          }
        });
    done.await();
    Thread.sleep(200);
    System.exit(0);
  }
}
