// SPDX-License-Identifier: MIT
// CivetWeb's client: URL AUTH
#include <civetweb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char say[] = "{\"type\":\"field.say\",\"data\":";
static const char bye[] = "{\"type\":\"field.bye\"";
static volatile int done;

static int on_data(struct mg_connection *to, int flags, char *data, size_t n,
                   void *user) {
  (void)user;
  int opcode = flags & 15;
  if (opcode == 9)
    mg_websocket_client_write(to, 10, data, n);
  if (opcode == 8) {
    printf("closed %d %.*s\n",
           n < 2 ? 0 : (unsigned char)data[0] << 8 | (unsigned char)data[1],
           n < 2 ? 0 : (int)n - 2, data + 2);
    return 0;
  }
  if (opcode != 1)
    return 1;
  printf("got %zu\n", n);
  if (n >= sizeof(say) && !memcmp(data, say, sizeof(say) - 1))
    mg_websocket_client_write(to, 1, data + sizeof(say) - 1, n - sizeof(say));
  if (n >= sizeof(bye) - 1 && !memcmp(data, bye, sizeof(bye) - 1))
    mg_websocket_client_write(to, 8, "\x03\xe8", 2);
  return 1;
}

static void on_close(const struct mg_connection *to, void *user) {
  (void)to;
  (void)user;
  printf("closed without code\n");
  done = 1;
}

int main(int argc, char **argv) {
  char host[64], path[64], error[256] = "";
  int port;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 3 || sscanf(argv[1], "ws://%63[^:]:%d%63s", host, &port, path) < 3)
    return 2;
  mg_init_library(0);
  struct mg_connection *to = mg_connect_websocket_client(
      host, port, 0, error, sizeof(error), path, NULL, on_data, on_close, NULL);
  if (!to) {
    printf("error %s\n", error);
    return 1;
  }
  mg_websocket_client_write(to, 1, argv[2], strlen(argv[2]));
  while (!done)
    usleep(10000);
  return 0;
}
