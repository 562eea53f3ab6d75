// SPDX-License-Identifier: MIT
// Boost.Beast, blocking: URL AUTH; with "deflate" in front it asks for it
#include <boost/asio/connect.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <iostream>

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::asio::ip::tcp;

int main(int argc, char **argv) {
  const std::string say = R"({"type":"field.say","data":)";
  const std::string url = argv[argc - 2];
  const auto begin = url.find("//") + 2;
  const auto colon = url.find(':', begin), slash = url.find('/', begin);
  const std::string host = url.substr(begin, colon - begin);
  const std::string port = url.substr(colon + 1, slash - colon - 1);
  boost::asio::io_context loop;
  websocket::stream<tcp::socket> socket(loop);
  boost::asio::connect(socket.next_layer(),
                       tcp::resolver(loop).resolve(host, port));
  websocket::permessage_deflate deflate;
  deflate.client_enable = argc > 3;
  socket.set_option(deflate);
  socket.handshake(host + ":" + port, url.substr(slash));
  socket.write(boost::asio::buffer(std::string(argv[argc - 1])));
  for (;;) {
    beast::flat_buffer buffer;
    beast::error_code error;
    socket.read(buffer, error);
    if (error) {
      std::cout << "closed " << socket.reason().code << " "
                << socket.reason().reason << " " << error.message()
                << std::endl;
      return 0;
    }
    const std::string text = beast::buffers_to_string(buffer.data());
    std::cout << "got " << text.size() << std::endl;
    if (text.rfind(say, 0) == 0)
      socket.write(boost::asio::buffer(
          text.substr(say.size(), text.size() - say.size() - 1)));
    if (text.rfind(R"({"type":"field.bye")", 0) == 0) {
      socket.close(websocket::close_code::normal, error);
      std::cout << "closed " << error.message() << std::endl;
      return 0;
    }
  }
}
