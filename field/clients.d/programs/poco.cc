// SPDX-License-Identifier: MIT
// Poco::Net::WebSocket, blocking: URL AUTH
#include <iostream>
#include <Poco/Buffer.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/WebSocket.h>
#include <Poco/URI.h>

using namespace Poco::Net;

int main(int, char **argv) {
  const std::string say = R"({"type":"field.say","data":)", auth = argv[2];
  Poco::URI uri(argv[1]);
  HTTPClientSession session(uri.getHost(), uri.getPort());
  HTTPRequest request(HTTPRequest::HTTP_GET, uri.getPath(),
                      HTTPMessage::HTTP_1_1);
  HTTPResponse response;
  try {
    WebSocket socket(session, request, response);
    socket.setReceiveTimeout(Poco::Timespan(3600, 0));
    socket.sendFrame(auth.data(), auth.size());
    for (;;) {
      Poco::Buffer<char> buffer(0);
      int flags = 0;
      const int n = socket.receiveFrame(buffer, flags);
      const std::string text(buffer.begin(), buffer.size());
      switch (flags & WebSocket::FRAME_OP_BITMASK) {
      case WebSocket::FRAME_OP_PING: // the user's job
        socket.sendFrame(text.data(), text.size(),
                         WebSocket::FRAME_FLAG_FIN | WebSocket::FRAME_OP_PONG);
        continue;
      case WebSocket::FRAME_OP_CLOSE:
        std::cout << "closed "
                  << ((unsigned char)text[0] << 8 | (unsigned char)text[1])
                  << " " << text.substr(2) << std::endl;
        return 0;
      }
      if (n == 0) {
        std::cout << "closed empty" << std::endl;
        return 0;
      }
      std::cout << "got " << text.size() << std::endl;
      if (text.rfind(say, 0) == 0)
        socket.sendFrame(text.data() + say.size(),
                         text.size() - say.size() - 1);
      if (text.rfind(R"({"type":"field.bye")", 0) == 0)
        socket.shutdown();
    }
  } catch (const Poco::Exception &error) {
    std::cout << "closed " << error.displayText() << std::endl;
  }
}
