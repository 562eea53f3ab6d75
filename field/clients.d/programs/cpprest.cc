// SPDX-License-Identifier: MIT
// C++ REST SDK, websocket_callback_client: URL AUTH
#include <cpprest/ws_client.h>
#include <future>
#include <iostream>

using namespace web::websockets::client;

int main(int, char **argv) {
  const std::string say = R"({"type":"field.say","data":)";
  websocket_callback_client client;
  std::promise<void> done;
  auto send = [&](const std::string &text) {
    websocket_outgoing_message message;
    message.set_utf8_message(text);
    client.send(message);
  };
  client.set_message_handler([&](const websocket_incoming_message &got) {
    const std::string text = got.extract_string().get();
    std::cout << "got " << text.size() << std::endl;
    if (text.rfind(say, 0) == 0)
      send(text.substr(say.size(), text.size() - say.size() - 1));
    if (text.rfind(R"({"type":"field.bye")", 0) == 0)
      client.close(websocket_close_status::normal);
  });
  client.set_close_handler([&](websocket_close_status status,
                               const utility::string_t &reason,
                               const std::error_code &error) {
    std::cout << "closed " << int(status) << " " << reason << " "
              << error.message() << std::endl;
    done.set_value();
  });
  client.connect(web::uri(argv[1])).wait();
  send(argv[2]);
  done.get_future().wait();
}
