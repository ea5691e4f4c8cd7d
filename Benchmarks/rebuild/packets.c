// Traffic of `Benchmarks/rebuild.py`.
//
//   packets flood LINK MAC SOURCE TARGET COUNT FLOWS   sends COUNT datagrams of 64 bytes, of FLOWS different sources
//   packets serve ADDRESS PORT                          answers connections until it is ended
//   packets connect ADDRESS PORT COUNT                  COUNT connections, 64 at a time: a request, an answer, a reset
//
// Prints seconds and the count.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 60, AT_ONCE = 64, MESSAGE = 64 };

static void fail(const char *what) {
  fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void pin(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static uint16_t checksum(const uint8_t *bytes, int count) {
  uint32_t sum = 0;
  for (int i = 0; i < count; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

static void store(uint8_t *at, uint32_t value, int count) {
  while (count--) { at[count] = value; value >>= 8; }
}

static int flood(char **arguments) {
  pin(1);
  int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll own = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(arguments[0])};
  if (descriptor < 0 || bind(descriptor, (void *)&own, sizeof own) < 0) fail("open a packet socket");
  uint32_t source = ntohl(inet_addr(arguments[2])), target = ntohl(inet_addr(arguments[3]));
  long count = atol(arguments[4]), flows = atol(arguments[5]);
  static uint8_t frames[BATCH][SIZE];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  unsigned mac[6];
  if (sscanf(arguments[1], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) fail("MAC");
  for (int i = 0; i < BATCH; i++) {
    uint8_t *f = frames[i];
    for (int k = 0; k < 6; k++) f[k] = mac[k];
    f[6] = 2;
    store(f + 12, 0x0800, 2);
    f[14] = 0x45;
    store(f + 16, SIZE - 14, 2);
    f[22] = 64;
    f[23] = 17;
    store(f + 30, target, 4);
    store(f + 36, 7, 2);
    store(f + 38, SIZE - 34, 2);
    vectors[i] = (struct iovec){f, SIZE};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  double start = now();
  for (long sent = 0; sent < count;) {
    int some = count - sent < BATCH ? count - sent : BATCH;
    for (int i = 0; i < some; i++) {
      long flow = (sent + i) % flows;
      uint8_t *f = frames[i];
      store(f + 24, 0, 2);
      store(f + 26, source + flow / 50000, 4);
      store(f + 34, 10000 + flow % 50000, 2);
      store(f + 24, checksum(f + 14, 20), 2);
    }
    int done = sendmmsg(descriptor, messages, some, 0);
    if (done < 0) fail("send");
    sent += done;
  }
  printf("%.6f %ld\n", now() - start, count);
  return 0;
}

static int address(char **arguments, struct sockaddr_in *result) {
  *result = (struct sockaddr_in){AF_INET, htons(atoi(arguments[1])), {inet_addr(arguments[0])}, {0}};
  return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static _Noreturn void serve(char **arguments) {
  pin(0);
  struct sockaddr_in own;
  int listener = address(arguments, &own), on = 1, poll = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) fail("listen");
  struct epoll_event event = {EPOLLIN, {.fd = listener}}, events[128];
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  puts("ready");
  fflush(stdout);
  char data[MESSAGE];
  for (;;) {
    int found = epoll_wait(poll, events, 128, -1);
    for (int i = 0; i < found; i++) {
      int one = events[i].data.fd;
      if (one != listener) {
        ssize_t count = read(one, data, sizeof data);
        if (count <= 0 || write(one, data, count) < 0) close(one);
        continue;
      }
      while ((one = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        event = (struct epoll_event){EPOLLIN, {.fd = one}};
        epoll_ctl(poll, EPOLL_CTL_ADD, one, &event);
      }
    }
  }
}

static int poller;
static struct sockaddr_in peer;
static char *peer_arguments[2];

static void open_one(void) {
  int one = address(peer_arguments, &peer);
  struct linger reset = {1, 0};
  setsockopt(one, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (connect(one, (void *)&peer, sizeof peer) < 0 && errno != EINPROGRESS) fail("connect");
  struct epoll_event event = {EPOLLOUT, {.fd = one}};
  epoll_ctl(poller, EPOLL_CTL_ADD, one, &event);
}

static int connect_many(char **arguments) {
  pin(1);
  peer_arguments[0] = arguments[0];
  peer_arguments[1] = arguments[1];
  long count = atol(arguments[2]), begun = 0, ended = 0;
  poller = epoll_create1(0);
  struct epoll_event events[128];
  char data[MESSAGE] = {0};
  double start = now();
  while (begun < AT_ONCE && begun < count) { open_one(); begun++; }
  while (ended < count) {
    int found = epoll_wait(poller, events, 128, 5000);
    if (!found) { errno = ETIMEDOUT; fail("connections"); }
    for (int i = 0; i < found; i++) {
      int one = events[i].data.fd;
      if (events[i].events & EPOLLOUT) {
        if (write(one, data, sizeof data) != sizeof data) fail("a connection");
        struct epoll_event event = {EPOLLIN, {.fd = one}};
        epoll_ctl(poller, EPOLL_CTL_MOD, one, &event);
        continue;
      }
      if (read(one, data, sizeof data) <= 0) fail("an answer");
      close(one);
      ended++;
      if (begun < count) { open_one(); begun++; }
    }
  }
  printf("%.6f %ld\n", now() - start, count);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 8 && !strcmp(argv[1], "flood")) return flood(argv + 2);
  if (argc == 4 && !strcmp(argv[1], "serve")) serve(argv + 2);
  if (argc == 5 && !strcmp(argv[1], "connect")) return connect_many(argv + 2);
  fprintf(stderr, "usage: packets flood LINK MAC SOURCE TARGET COUNT FLOWS | serve ADDRESS PORT | connect ADDRESS PORT COUNT\n");
  return 64;
}
