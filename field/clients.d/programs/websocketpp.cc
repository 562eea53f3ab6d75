// SPDX-License-Identifier: MIT
// websocketpp on Asio: URL AUTH
#include <iostream>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

using Client = websocketpp::client<websocketpp::config::asio_client>;
using websocketpp::connection_hdl;

int main(int, char **argv) {
  const std::string say = R"({"type":"field.say","data":)", auth = argv[2];
  Client client;
  client.clear_access_channels(websocketpp::log::alevel::all);
  client.clear_error_channels(websocketpp::log::elevel::all);
  client.init_asio();
  client.set_open_handler([&](connection_hdl to) {
    client.send(to, auth, websocketpp::frame::opcode::text);
  });
  client.set_message_handler([&](connection_hdl to, Client::message_ptr got) {
    const std::string &text = got->get_payload();
    std::cout << "got " << text.size() << std::endl;
    if (text.rfind(say, 0) == 0)
      client.send(to, text.substr(say.size(), text.size() - say.size() - 1),
                  websocketpp::frame::opcode::text);
    if (text.rfind(R"({"type":"field.bye")", 0) == 0)
      client.close(to, websocketpp::close::status::normal, "");
  });
  auto gone = [&](connection_hdl to) {
    auto connection = client.get_con_from_hdl(to);
    std::cout << "closed " << connection->get_remote_close_code() << " "
              << connection->get_remote_close_reason() << " local "
              << connection->get_local_close_code() << " "
              << connection->get_ec().message() << std::endl;
  };
  client.set_close_handler(gone);
  client.set_fail_handler(gone);
  websocketpp::lib::error_code error;
  client.connect(client.get_connection(argv[1], error));
  client.run();
}
