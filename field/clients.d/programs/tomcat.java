// SPDX-License-Identifier: MIT
// Tomcat 9's client of javax.websocket: URL AUTH
import javax.websocket.ClientEndpointConfig;
import javax.websocket.CloseReason;
import javax.websocket.Endpoint;
import javax.websocket.EndpointConfig;
import javax.websocket.MessageHandler;
import javax.websocket.Session;
import java.net.URI;
import java.util.concurrent.CountDownLatch;
import org.apache.tomcat.websocket.WsWebSocketContainer;

class tomcat {
  static final String SAY = "{\"type\":\"field.say\",\"data\":";
  static final CountDownLatch done = new CountDownLatch(1);
  static String auth;

  public static class Client extends Endpoint {
    public void onOpen(Session session, EndpointConfig config) {
      session.addMessageHandler(new MessageHandler.Whole<String>() {
        public void onMessage(String text) {
          System.out.println("got " + text.getBytes().length);
          try {
            if (text.startsWith(SAY))
              session.getBasicRemote().sendText(
                  text.substring(SAY.length(), text.length() - 1));
            if (text.startsWith("{\"type\":\"field.bye\""))
              session.close();
          } catch (Exception error) {
            System.out.println("error " + error);
          }
        }
      });
      session.getAsyncRemote().sendText(auth);
    }

    public void onClose(Session session, CloseReason reason) {
      System.out.println("closed " + reason.getCloseCode().getCode() + " "
                         + reason.getReasonPhrase());
      done.countDown();
    }

    public void onError(Session session, Throwable error) {
      System.out.println("error " + error);
    }
  }

  public static void main(String[] args) throws Exception {
    auth = args[1];
    new WsWebSocketContainer().connectToServer(
        Client.class, ClientEndpointConfig.Builder.create().build(),
        URI.create(args[0]));
    done.await();
    Thread.sleep(200);
    System.exit(0);
  }
}
