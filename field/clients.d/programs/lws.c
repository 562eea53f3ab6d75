// SPDX-License-Identifier: MIT
// libwebsockets as a client, as it hands things out: URL AUTH
#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

static const char say[] = "{\"type\":\"field.say\",\"data\":";
static const char bye[] = "{\"type\":\"field.bye\"";
static char *answer; // to be sent, behind LWS_PRE bytes
static size_t answer_n;
static char *whole; // the message so far
static size_t whole_n;
static int closing, done;

static void queue(struct lws *wsi, const char *text, size_t n) {
  answer = realloc(answer, LWS_PRE + n);
  memcpy(answer + LWS_PRE, text, n);
  answer_n = n;
  lws_callback_on_writable(wsi);
}

static void take(struct lws *wsi, const char *in, size_t n) {
  printf("got %zu\n", n); // a part, unless the message is short
  whole = realloc(whole, whole_n + n + 1);
  memcpy(whole + whole_n, in, n);
  whole_n += n;
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi))
    return;
  if (whole_n >= sizeof(say) && !memcmp(whole, say, sizeof(say) - 1))
    queue(wsi, whole + sizeof(say) - 1, whole_n - sizeof(say));
  if (whole_n >= sizeof(bye) - 1 && !memcmp(whole, bye, sizeof(bye) - 1)) {
    closing = 1;
    lws_callback_on_writable(wsi);
  }
  whole_n = 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
                    void *user, void *in, size_t n) {
  (void)user;
  switch (reason) {
  case LWS_CALLBACK_CLIENT_RECEIVE:
    take(wsi, in, n);
    break;
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
    lws_callback_on_writable(wsi);
    break;
  case LWS_CALLBACK_CLIENT_WRITEABLE:
    if (answer_n)
      lws_write(wsi, (unsigned char *)answer + LWS_PRE, answer_n,
                LWS_WRITE_TEXT);
    answer_n = 0;
    if (closing) {
      lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
      return -1;
    }
    break;
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
    const unsigned char *code = in;
    printf("closed %d %.*s\n", n < 2 ? 0 : code[0] << 8 | code[1],
           n < 2 ? 0 : (int)n - 2, (char *)code + 2);
    break;
  }
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    printf("error %.*s\n", (int)n, in ? (char *)in : "");
    done = 1;
    break;
  case LWS_CALLBACK_CLIENT_CLOSED:
    printf("closed without code\n");
    done = 1;
    break;
  default:
    break;
  }
  return 0;
}

int main(int argc, char **argv) {
  static const struct lws_protocols protocols[] = {
      {.name = "field", .callback = on_event}, {0}};
  char host[64], path[64];
  int port;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 3 || sscanf(argv[1], "ws://%63[^:]:%d%63s", host, &port, path) < 3)
    return 2;
  lws_set_log_level(0, NULL);
  answer_n = strlen(argv[2]);
  answer = malloc(LWS_PRE + answer_n);
  memcpy(answer + LWS_PRE, argv[2], answer_n);
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                           .protocols = protocols};
  struct lws_context *context = lws_create_context(&info);
  struct lws_client_connect_info to = {.context = context,
                                       .address = host,
                                       .port = port,
                                       .path = path,
                                       .host = host,
                                       .local_protocol_name = "field"};
  lws_client_connect_via_info(&to);
  while (!done && lws_service(context, 0) >= 0) {
  }
  lws_context_destroy(context);
  return 0;
}
