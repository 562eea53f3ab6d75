/* SPDX-License-Identifier: MIT
 * Socket options that look or reach into the kernel. */
#include "net/tcp.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* its tcp_info has more than that of netinet/tcp.h */
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* As inet_ntop writes it, which takes a printf for that. */
static void put_ipv4(const void *address, char *out) {
  unsigned char bytes[4];
  memcpy(bytes, address, sizeof bytes);
  for (int i = 0; i < 4; i++) {
    unsigned byte = bytes[i];
    if (byte >= 100)
      *out++ = (char)('0' + byte / 100);
    if (byte >= 10)
      *out++ = (char)('0' + byte / 10 % 10);
    *out++ = (char)('0' + byte % 10);
    *out++ = i < 3 ? '.' : '\0';
  }
}

int tcp_peer(int fd, char out[TCP_ADDRESS_BYTES]) {
  struct sockaddr_storage addr = {0};
  socklen_t len = sizeof addr;
  const struct sockaddr_in *v4 = (const void *)&addr;
  const struct sockaddr_in6 *v6 = (const void *)&addr;
  if (getpeername(fd, (struct sockaddr *)&addr, &len))
    return ERR_SYSTEM;
  if (addr.ss_family == AF_UNIX) {
    memcpy(out, TCP_UNIX_PEER, sizeof TCP_UNIX_PEER);
    return 0;
  }
  if (addr.ss_family != AF_INET6)
    put_ipv4(&v4->sin_addr, out);
  else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
    put_ipv4(&v6->sin6_addr.s6_addr[12], out);
  else if (!inet_ntop(AF_INET6, &v6->sin6_addr, out, TCP_ADDRESS_BYTES))
    return ERR_SYSTEM;
  return 0;
}

static bool get_info(int fd, struct tcp_info *info) {
  socklen_t len = sizeof *info;
  *info = (struct tcp_info){0}; /* an old kernel fills a part */
  return fd >= 0 && !getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len);
}

uint64_t tcp_silent_ms(int fd) {
  struct tcp_info info;
  return get_info(fd, &info) ? info.tcpi_last_data_recv : UINT64_MAX;
}

uint64_t tcp_unanswered_ms(int fd) {
  struct tcp_info info;
  if (!get_info(fd, &info) || (!info.tcpi_unacked && !info.tcpi_notsent_bytes))
    return 0;
  return info.tcpi_last_ack_recv;
}

/* Of a Unix socket it is known how many bytes wait for the peer: if that
 * changes while we write nothing, it has taken some. */
uint64_t tcp_acked(int fd) {
  struct tcp_info info;
  int waiting = 0;
  if (get_info(fd, &info))
    return info.tcpi_bytes_acked;
  return ioctl(fd, SIOCOUTQ, &waiting) ? 0 : (uint64_t)waiting;
}

/* A small send buffer (SO_SNDBUF) would bound what is on its way, too, and so
 * the throughput of those who are far away. */
void tcp_bound_unsent(int fd, size_t bytes) {
  const unsigned value = bytes < UINT32_MAX ? (unsigned)bytes : UINT32_MAX;
  if (bytes)
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof value);
}

void tcp_forget_unread(int fd) {
  char bytes[4096];
  for (int i = 0; i < 16; i++)
    if (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
      return;
}

void tcp_forget_unsent(int fd) {
  const struct linger at_once = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}
