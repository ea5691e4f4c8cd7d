// The floor of `Benchmarks/rebuild.py`: writes the table of an edge gateway by raw netlink, with nothing around it.
//
//   floor NATS BALANCERS MEMBERS [--adds N] [--read] [--hold]
//
// Works in a network namespace of its own. Prints one line of JSON, times in seconds. With --hold it stays until its
// input ends, so that the table can be looked at.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum { ELEMENTS_PER_MESSAGE = 1000, IPV4 = 7, PROTOCOL = 12, PORT = 13, MARK = 19 };

static char *buffer;
static size_t used, room;
static uint32_t sequence;
static int netlink;

static void fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

// MARK: messages

static size_t begin(int type, int flags, int resource, int family) {
  size_t start = used;
  struct nlmsghdr *header = (void *)(buffer + used);
  *header = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++sequence};
  struct nfgenmsg *own = (void *)(header + 1);
  *own = (struct nfgenmsg){.nfgen_family = family, .res_id = htons(resource)};
  used += sizeof *header + sizeof *own;
  return start;
}

static size_t message(int type, int flags) {
  if (used + (1 << 17) > room) { errno = ENOBUFS; fail("buffer"); }
  return begin(NFNL_SUBSYS_NFTABLES << 8 | type, flags, 0, NFPROTO_IPV4);
}

static void finish(size_t start) { ((struct nlmsghdr *)(buffer + start))->nlmsg_len = used - start; }

static void put(int type, const void *data, size_t length) {
  struct nlattr *attribute = (void *)(buffer + used);
  attribute->nla_type = type;
  attribute->nla_len = 4 + length;
  memcpy(attribute + 1, data, length);
  memset((char *)(attribute + 1) + length, 0, -length & 3);
  used += 4 + ((length + 3) & ~(size_t)3);
}
static void number(int type, uint32_t value) { value = htonl(value); put(type, &value, 4); }
static void text(int type, const char *value) { put(type, value, strlen(value) + 1); }
static size_t nest(int type) {
  size_t start = used;
  ((struct nlattr *)(buffer + used))->nla_type = type | NLA_F_NESTED;
  used += 4;
  return start;
}
static void unnest(size_t start) { ((struct nlattr *)(buffer + start))->nla_len = used - start; }

// MARK: expressions

static int reg(int index) { return index % 4 == 0 ? index / 4 + 1 : index + 8; }

static size_t outer;
static size_t expression(const char *name) {
  outer = nest(NFTA_LIST_ELEM);
  text(NFTA_EXPR_NAME, name);
  return nest(NFTA_EXPR_DATA);
}
static void done(size_t start) { unnest(start); unnest(outer); }

static void meta(int key, int to) {
  size_t e = expression("meta");
  number(NFTA_META_KEY, key);
  number(NFTA_META_DREG, reg(to));
  done(e);
}
static void set_mark(int from) {
  size_t e = expression("meta");
  number(NFTA_META_KEY, NFT_META_MARK);
  number(NFTA_META_SREG, reg(from));
  done(e);
}
static void payload(int base, int offset, int length, int to) {
  size_t e = expression("payload");
  number(NFTA_PAYLOAD_DREG, reg(to));
  number(NFTA_PAYLOAD_BASE, base);
  number(NFTA_PAYLOAD_OFFSET, offset);
  number(NFTA_PAYLOAD_LEN, length);
  done(e);
}
static void source(int to) { payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, to); }
static void destination(int to) { payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, to); }
static void connection(int key, int direction, int to) {
  uint8_t byte = direction;
  size_t e = expression("ct");
  number(NFTA_CT_DREG, reg(to));
  number(NFTA_CT_KEY, key);
  if (direction >= 0) put(NFTA_CT_DIRECTION, &byte, 1);
  done(e);
}
static void compare(int operation, const void *data, size_t length) {
  size_t e = expression("cmp");
  number(NFTA_CMP_SREG, reg(0));
  number(NFTA_CMP_OP, operation);
  size_t value = nest(NFTA_CMP_DATA);
  put(NFTA_DATA_VALUE, data, length);
  unnest(value);
  done(e);
}
static void state(uint32_t bits) {
  uint32_t zero = 0;
  connection(NFT_CT_STATE, -1, 0);
  size_t e = expression("bitwise");
  number(NFTA_BITWISE_SREG, reg(0));
  number(NFTA_BITWISE_DREG, reg(0));
  number(NFTA_BITWISE_LEN, 4);
  size_t value = nest(NFTA_BITWISE_MASK);
  put(NFTA_DATA_VALUE, &bits, 4);
  unnest(value);
  value = nest(NFTA_BITWISE_XOR);
  put(NFTA_DATA_VALUE, &zero, 4);
  unnest(value);
  done(e);
  compare(NFT_CMP_NEQ, &zero, 4);
}
static void verdict_data(int code, const char *chain) {
  size_t value = nest(NFTA_DATA_VERDICT);
  number(NFTA_VERDICT_CODE, code);
  if (chain) text(NFTA_VERDICT_CHAIN, chain);
  unnest(value);
}
static void verdict_to(int code, const char *chain) {
  size_t e = expression("immediate");
  number(NFTA_IMMEDIATE_DREG, 0);
  size_t value = nest(NFTA_IMMEDIATE_DATA);
  verdict_data(code, chain);
  unnest(value);
  done(e);
}
static void verdict(int code) { verdict_to(code, NULL); }
static void clear_mark(void) {
  uint32_t zero = 0;
  size_t e = expression("immediate");
  number(NFTA_IMMEDIATE_DREG, reg(0));
  size_t value = nest(NFTA_IMMEDIATE_DATA);
  put(NFTA_DATA_VALUE, &zero, 4);
  unnest(value);
  done(e);
  set_mark(0);
}
static void write_payload(int base, int offset, int from, int checksum, int flags) {
  size_t e = expression("payload");
  number(NFTA_PAYLOAD_SREG, reg(from));
  number(NFTA_PAYLOAD_BASE, base);
  number(NFTA_PAYLOAD_OFFSET, offset);
  number(NFTA_PAYLOAD_LEN, 4);
  number(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
  number(NFTA_PAYLOAD_CSUM_OFFSET, checksum);
  number(NFTA_PAYLOAD_CSUM_FLAGS, flags);
  done(e);
}
static void untrack(void) { done(expression("notrack")); }
// `to` is a register, -1 for a verdict, -2 for nothing, -3 for nothing and inverted.
static void lookup(const char *set, int key, int to) {
  size_t e = expression("lookup");
  text(NFTA_LOOKUP_SET, set);
  number(NFTA_LOOKUP_SREG, reg(key));
  if (to >= 0) number(NFTA_LOOKUP_DREG, reg(to));
  if (to == -1) number(NFTA_LOOKUP_DREG, 0);
  if (to == -3) number(NFTA_LOOKUP_FLAGS, 1);
  done(e);
}
static void nat(int type, int address, int port) {
  size_t e = expression("nat");
  number(NFTA_NAT_TYPE, type);
  number(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  number(NFTA_NAT_REG_ADDR_MIN, reg(address));
  number(NFTA_NAT_REG_ADDR_MAX, reg(address));
  if (port) {
    number(NFTA_NAT_REG_PROTO_MIN, reg(port));
    number(NFTA_NAT_REG_PROTO_MAX, reg(port));
  }
  number(NFTA_NAT_FLAGS, port ? 3 : 1);
  done(e);
}
static void counting(uint32_t modulus, int to) {
  size_t e = expression("numgen");
  number(NFTA_NG_DREG, reg(to));
  number(NFTA_NG_MODULUS, modulus);
  number(NFTA_NG_TYPE, 0);
  number(NFTA_NG_OFFSET, 0);
  done(e);
}
static void way(int ct_direction) {
  uint8_t byte = ct_direction;
  connection(NFT_CT_DIRECTION, -1, 0);
  compare(NFT_CMP_EQ, &byte, 1);
}
static void link_is(int key, const char *name) {
  char padded[16] = {0};
  strncpy(padded, name, 15);
  meta(key, 0);
  compare(NFT_CMP_EQ, padded, 16);
}

// MARK: tables, chains, rules, sets

static void table(int type) {
  size_t m = message(type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
  text(NFTA_TABLE_NAME, "daruma");
  finish(m);
}

static void chain(const char *name, const char *kind, int hook, int priority, int policy) {
  size_t m = message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  text(NFTA_CHAIN_TABLE, "daruma");
  text(NFTA_CHAIN_NAME, name);
  if (kind) {
    size_t base = nest(NFTA_CHAIN_HOOK);
    number(NFTA_HOOK_HOOKNUM, hook);
    number(NFTA_HOOK_PRIORITY, priority);
    unnest(base);
    number(NFTA_CHAIN_POLICY, policy);
    text(NFTA_CHAIN_TYPE, kind);
  }
  finish(m);
}

static size_t rule_message, rule_list;
static const char *rule_comment;
static void rule(const char *chain, const char *comment) {
  rule_message = message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  text(NFTA_RULE_TABLE, "daruma");
  text(NFTA_RULE_CHAIN, chain);
  rule_comment = comment;
  rule_list = nest(NFTA_RULE_EXPRESSIONS);
}
static void end(void) {
  unnest(rule_list);
  char data[130] = {0, strlen(rule_comment) + 1};
  strcpy(data + 2, rule_comment);
  put(NFTA_RULE_USERDATA, data, strlen(rule_comment) + 3);
  finish(rule_message);
}

struct set {
  const char *name;
  int key[5], data[3], is_verdict, flags, minimum, count;
};
static struct set sets[] = {
  {"backends", {IPV4, PROTOCOL, PORT, MARK}, {IPV4, PORT}, 0, 0, 1024, 0},
  {"classes", {MARK}, {0}, 1, 0, 64, 0},
  {"forwards", {IPV4, PROTOCOL, PORT}, {IPV4, PORT}, 0, 0, 256, 0},
  {"members", {IPV4, PROTOCOL, PORT, IPV4, PORT}, {0}, 0, 0, 1024, 0},
  {"pairs", {IPV4, IPV4}, {0}, 0, 0, 256, 0},
  {"restricted", {IPV4, PROTOCOL, PORT}, {0}, 0, 0, 64, 0},
  {"services", {IPV4, PROTOCOL, PORT}, {MARK}, 0, 0, 256, 0},
  {"sources", {IPV4, PROTOCOL, PORT, IPV4}, {0}, 0, NFT_SET_INTERVAL | NFT_SET_CONCAT, 256, 0},
  {"to_private", {IPV4}, {IPV4}, 0, 0, 256, 0},
  {"to_public", {IPV4}, {IPV4}, 0, 0, 256, 0},
  {"tracked", {IPV4}, {0}, 0, 0, 1024, 0},
};
enum { BACKENDS, CLASSES, FORWARDS, MEMBERS, PAIRS, RESTRICTED, SERVICES, SOURCES, TO_PRIVATE, TO_PUBLIC, TRACKED, SETS };

static int width(int type) { return type == PROTOCOL ? 1 : type == PORT ? 2 : 4; }
static int fields(const int *types) { int n = 0; while (n < 5 && types[n]) n++; return n; }
static uint32_t code(const int *types, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; i++) value = value << 6 | types[i];
  return value;
}
static uint32_t order(const int *types, int count) { return count > 1 ? 0 : types[0] == MARK ? 1 : 2; }

static void declare(const struct set *set, uint32_t identifier) {
  int keys = fields(set->key), values = fields(set->data);
  uint32_t wanted = set->count * 5 / 4 > set->minimum ? set->count * 5 / 4 : set->minimum, size = 1;
  while (size < wanted) size *= 2;
  size_t m = message(NFT_MSG_NEWSET, NLM_F_CREATE);
  text(NFTA_SET_TABLE, "daruma");
  text(NFTA_SET_NAME, set->name);
  number(NFTA_SET_FLAGS, set->flags | (set->is_verdict || values ? NFT_SET_MAP : 0));
  number(NFTA_SET_KEY_TYPE, code(set->key, keys));
  number(NFTA_SET_KEY_LEN, keys == 1 ? width(set->key[0]) : 4 * keys);
  if (set->is_verdict) number(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
  if (values) {
    number(NFTA_SET_DATA_TYPE, code(set->data, values));
    number(NFTA_SET_DATA_LEN, values == 1 ? width(set->data[0]) : 4 * values);
  }
  number(NFTA_SET_ID, identifier);
  size_t description = nest(NFTA_SET_DESC);
  number(NFTA_SET_DESC_SIZE, size);
  if (set->flags & NFT_SET_INTERVAL) {
    size_t list = nest(NFTA_SET_DESC_CONCAT);
    for (int i = 0; i < keys; i++) {
      size_t field = nest(NFTA_LIST_ELEM);
      number(NFTA_SET_FIELD_LEN, width(set->key[i]));
      unnest(field);
    }
    unnest(list);
  }
  unnest(description);
  struct { uint8_t type, length; uint32_t value; } __attribute__((packed)) notes[2] = {
    {0, 4, order(set->key, keys)}, {1, 4, order(set->data, values)},
  };
  put(NFTA_SET_USERDATA, notes, values ? 12 : 6);
  finish(m);
}

// Elements go into one message after the other, of one set at a time.
static size_t element_message, element_list;
static int element_set, element_count;
static void elements(int set) {
  element_message = message(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
  text(NFTA_SET_ELEM_LIST_TABLE, "daruma");
  text(NFTA_SET_ELEM_LIST_SET, sets[set].name);
  element_list = nest(NFTA_SET_ELEM_LIST_ELEMENTS);
  element_set = set;
  element_count = 0;
}
static void end_elements(void) {
  unnest(element_list);
  finish(element_message);
}
static void element(const uint32_t *key, int keys, const uint32_t *data, int values) {
  if (element_count == ELEMENTS_PER_MESSAGE || used - element_list > 60000) {
    end_elements();
    elements(element_set);
  }
  element_count++;
  char *p = buffer + used;
  size_t start = used;
  *(struct nlattr *)(p + 4) = (struct nlattr){8 + 4 * keys, NFTA_SET_ELEM_KEY | NLA_F_NESTED};
  *(struct nlattr *)(p + 8) = (struct nlattr){4 + 4 * keys, NFTA_DATA_VALUE};
  memcpy(p + 12, key, 4 * keys);
  used += 12 + 4 * keys;
  if (values) {
    p = buffer + used;
    *(struct nlattr *)p = (struct nlattr){8 + 4 * values, NFTA_SET_ELEM_DATA | NLA_F_NESTED};
    *(struct nlattr *)(p + 4) = (struct nlattr){4 + 4 * values, NFTA_DATA_VALUE};
    memcpy(p + 8, data, 4 * values);
    used += 8 + 4 * values;
  }
  *(struct nlattr *)(buffer + start) = (struct nlattr){used - start, NFTA_LIST_ELEM | NLA_F_NESTED};
}

// MARK: the plan

struct translation { uint32_t outside, inside; };
struct balancer { uint32_t outside; uint32_t *members; };
static struct translation *translations;
static struct balancer *balancers;
static int translation_count, balancer_count, member_count;

static struct translation translation(int n) { return (struct translation){htonl(0x64400100 + n), htonl(0x0A400100 + n)}; }
static struct balancer balancer(int n) {
  struct balancer one = {htonl(0x64600000 + n), malloc(4 * member_count)};
  for (int i = 0; i < member_count; i++) one.members[i] = htonl(0x0A800000 + n * member_count + i);
  return one;
}

static void plan(void) {
  translations = malloc(sizeof *translations * translation_count);
  for (int i = 0; i < translation_count; i++) translations[i] = translation(i);
  balancers = malloc(sizeof *balancers * balancer_count);
  for (int i = 0; i < balancer_count; i++) balancers[i] = balancer(i);
  sets[TO_PRIVATE].count = sets[TO_PUBLIC].count = sets[PAIRS].count = translation_count;
  sets[SERVICES].count = balancer_count;
  sets[CLASSES].count = balancer_count > 0;
  sets[BACKENDS].count = sets[MEMBERS].count = balancer_count * member_count;
  sets[TRACKED].count = balancer_count * (member_count + 1);
}

static void translation_elements(int set, const struct translation *list, int count) {
  if (!count) return;
  elements(set);
  for (int i = 0; i < count; i++) {
    const uint32_t *pair = &list[i].outside;
    if (set == TO_PRIVATE) element(pair, 1, pair + 1, 1);
    if (set == TO_PUBLIC) element(pair + 1, 1, pair, 1);
    if (set == PAIRS) element(pair, 2, NULL, 0);
  }
  end_elements();
}

static void balancer_elements(int set, const struct balancer *list, int count) {
  if (!count) return;
  elements(set);
  for (int i = 0; i < count; i++) {
    uint32_t key[5] = {list[i].outside, 6, htons(80)}, class = 0x10000 + member_count;
    if (set == SERVICES) {
      element(key, 3, &class, 1);
      continue;
    }
    if (set == TRACKED) {
      element(key, 1, NULL, 0);
      for (int k = 0; k < member_count; k++) element(&list[i].members[k], 1, NULL, 0);
      continue;
    }
    for (int k = 0; k < member_count; k++) {
      uint32_t target[2] = {list[i].members[k], htons(8080)};
      if (set == BACKENDS) {
        key[3] = k;
        element(key, 4, target, 2);
      } else {
        key[3] = target[0];
        key[4] = target[1];
        element(key, 5, NULL, 0);
      }
    }
  }
  end_elements();
}

static void class_element(void) {
  if (!balancer_count) return;
  char name[32];
  snprintf(name, sizeof name, "rr-%d", member_count);
  uint32_t mark = 0x10000 + member_count;
  elements(CLASSES);
  size_t one = nest(NFTA_LIST_ELEM), key = nest(NFTA_SET_ELEM_KEY);
  put(NFTA_DATA_VALUE, &mark, 4);
  unnest(key);
  size_t data = nest(NFTA_SET_ELEM_DATA);
  verdict_data(NFT_GOTO, name);
  unnest(data);
  unnest(one);
  end_elements();
}

// MARK: the rules of an edge gateway

static void service(void) {
  destination(0);
  meta(NFT_META_L4PROTO, 1);
  payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 2);
}
static void is_pair(void) {
  connection(NFT_CT_DST_IP, 0, 0);
  connection(NFT_CT_SRC_IP, 1, 1);
  lookup("pairs", 0, -2);
}
static void is_own_pair(void) {
  connection(NFT_CT_DST_IP, 1, 0);
  connection(NFT_CT_SRC_IP, 0, 1);
  lookup("pairs", 0, -2);
}
static void original_service(void) {
  connection(NFT_CT_DST_IP, 0, 0);
  meta(NFT_META_L4PROTO, 1);
  connection(NFT_CT_PROTO_DST, 0, 2);
}
static void services(const char *chain) {
  rule(chain, "load balancer sources");
  original_service(); lookup("restricted", 0, -2); connection(NFT_CT_SRC_IP, 0, 3); lookup("sources", 0, -3);
  verdict(NF_DROP); end();
  rule(chain, "members");
  original_service(); connection(NFT_CT_SRC_IP, 1, 3); connection(NFT_CT_PROTO_SRC, 1, 4); lookup("members", 0, -2);
  verdict(NF_ACCEPT); end();
}
static void outbound(void) {
  link_is(NFT_META_IIFNAME, "fab");
  link_is(NFT_META_OIFNAME, "pub");
  way(0);
}

// ICMP's types 3 to 5, 11 and 12 tell of a packet; its addresses are at 20 and 24.
static void error_type(int kind) {
  uint8_t first = kind ? 11 : 3, last = kind ? 12 : 5;
  payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
  compare(NFT_CMP_GTE, &first, 1);
  compare(NFT_CMP_LTE, &last, 1);
}
static void is_icmp(void) {
  uint8_t icmp = 1;
  meta(NFT_META_L4PROTO, 0);
  compare(NFT_CMP_EQ, &icmp, 1);
}
static void is_marked(void) {
  uint32_t zero = 0;
  meta(NFT_META_MARK, 0);
  compare(NFT_CMP_NEQ, &zero, 4);
}

static void chains(const char *class) {
  if (class) chain(class, NULL, 0, 0, 0);
  chain("arriving", NULL, 0, 0, 0);
  chain("departing", NULL, 0, 0, 0);
  chain("direct", "filter", NF_INET_PRE_ROUTING, -300, NF_ACCEPT);
  chain("errors", "filter", NF_INET_LOCAL_OUT, -300, NF_ACCEPT);
  chain("errors-in", NULL, 0, 0, 0);
  chain("errors-out", NULL, 0, 0, 0);
  chain("outward", NULL, 0, 0, 0);
  chain("forward", "filter", NF_INET_FORWARD, 0, NF_DROP);
  chain("input", "filter", NF_INET_LOCAL_IN, 0, NF_DROP);
  chain("leaving", "filter", NF_INET_POST_ROUTING, 150, NF_ACCEPT);
  chain("postrouting", "nat", NF_INET_POST_ROUTING, 100, NF_ACCEPT);
  chain("prerouting", "nat", NF_INET_PRE_ROUTING, -100, NF_ACCEPT);
}

static void static_nat(void) {
  const int about = NFT_PAYLOAD_TRANSPORT_HEADER, own = NFT_PAYLOAD_NETWORK_HEADER;
  rule("direct", "from outside"); link_is(NFT_META_IIFNAME, "pub"); verdict_to(NFT_GOTO, "arriving"); end();
  rule("direct", "from inside"); link_is(NFT_META_IIFNAME, "fab"); verdict_to(NFT_GOTO, "departing"); end();
  rule("arriving", "to whom"); destination(0); lookup("to_private", 0, 1); set_mark(1); end();
  rule("arriving", "tracked");
  meta(NFT_META_MARK, 0); lookup("tracked", 0, -2); clear_mark(); verdict(NF_ACCEPT); end();
  rule("arriving", "errors"); is_icmp(); verdict_to(NFT_JUMP, "errors-in"); end();
  rule("arriving", "static NAT"); is_marked(); write_payload(own, 16, 0, 10, 1); untrack(); verdict(NF_ACCEPT); end();
  rule("departing", "to static NAT here");
  destination(0); lookup("to_private", 0, 1); set_mark(1); clear_mark(); verdict(NF_ACCEPT); end();
  rule("departing", "to a service here"); destination(0); lookup("tracked", 0, -2); verdict(NF_ACCEPT); end();
  rule("departing", "tracked"); source(0); lookup("tracked", 0, -2); verdict(NF_ACCEPT); end();
  rule("departing", "as whom"); source(0); lookup("to_public", 0, 1); set_mark(1); end();
  rule("departing", "errors"); is_icmp(); verdict_to(NFT_JUMP, "errors-out"); end();
  rule("departing", "static NAT"); is_marked(); untrack(); verdict(NF_ACCEPT); end();
  for (int kind = 0; kind < 2; kind++) {
    rule("errors-in", "errors to static NAT");
    error_type(kind); payload(about, 20, 4, 4); meta(NFT_META_MARK, 5); lookup("pairs", 4, -2);
    write_payload(about, 20, 5, 18, 0); end();
    rule("errors-out", "errors as its static NAT");
    error_type(kind); meta(NFT_META_MARK, 4); payload(about, 24, 4, 5); lookup("pairs", 4, -2);
    write_payload(about, 24, 4, 18, 0); end();
    rule("errors", "errors about static NAT");
    is_icmp(); error_type(kind); payload(about, 24, 4, 0); lookup("tracked", 0, -3); lookup("to_public", 0, 4);
    write_payload(about, 24, 4, 18, 0); end();
  }
  rule("outward", "as its static NAT");
  state(64); is_marked(); write_payload(own, 12, 0, 10, 1); verdict(NF_ACCEPT); end();
  rule("outward", "as its static NAT"); way(0); is_own_pair(); verdict(NF_ACCEPT); end();
  rule("outward", "as nobody else"); way(0); verdict(NF_DROP); end();
  rule("outward", "as nobody else"); state(64); verdict(NF_DROP); end();
  rule("forward", "static NAT, inbound"); link_is(NFT_META_IIFNAME, "pub"); state(64); verdict(NF_ACCEPT); end();
  rule("forward", "static NAT, outbound"); link_is(NFT_META_OIFNAME, "pub"); state(64); verdict(NF_ACCEPT); end();
}

static void rules(const char *class) {
  static_nat();
  rule("prerouting", "static NAT");
  destination(0); lookup("to_private", 0, 1); nat(NFT_NAT_DNAT, 1, 0); end();
  rule("prerouting", "port forwarding");
  service(); lookup("forwards", 0, 8); nat(NFT_NAT_DNAT, 8, 9); end();
  rule("prerouting", "load balancer");
  service(); lookup("services", 0, 4); set_mark(4); end();
  rule("prerouting", "its class");
  meta(NFT_META_MARK, 0); lookup("classes", 0, -1); end();
  rule("postrouting", "inbound"); link_is(NFT_META_IIFNAME, "pub"); verdict(NF_ACCEPT); end();
  rule("postrouting", "static NAT");
  source(0); lookup("to_public", 0, 1); nat(NFT_NAT_SNAT, 1, 0); end();
  rule("postrouting", "hairpin");
  link_is(NFT_META_IIFNAME, "fab"); link_is(NFT_META_OIFNAME, "fab");
  connection(NFT_CT_DST_IP, 0, 0); nat(NFT_NAT_SNAT, 0, 0); end();
  rule("forward", "static NAT, inbound"); is_pair(); verdict(NF_ACCEPT); end();
  rule("forward", "no part of a connection"); state(1); verdict(NF_DROP); end();
  rule("forward", "errors of known connections"); state(4); verdict(NF_ACCEPT); end();
  services("forward");
  rule("forward", "outbound"); outbound(); verdict(NF_ACCEPT); end();
  rule("forward", "answers to static NAT"); way(1); is_own_pair(); verdict(NF_ACCEPT); end();
  rule("leaving", "outbound");
  link_is(NFT_META_IIFNAME, "fab"); link_is(NFT_META_OIFNAME, "pub"); verdict_to(NFT_GOTO, "outward"); end();
  rule("input", "itself"); link_is(NFT_META_IIFNAME, "lo"); verdict(NF_ACCEPT); end();
  services("input");
  rule("input", "answers"); way(1); state(6); verdict(NF_ACCEPT); end();
  rule("input", "errors"); state(4); verdict(NF_ACCEPT); end();
  if (!class) return;
  rule(class, "bucket"); counting(member_count, 8); set_mark(8); end();
  rule(class, "member");
  service(); meta(NFT_META_MARK, 3); lookup("backends", 0, 8); nat(NFT_NAT_DNAT, 8, 9); end();
}

// MARK: the socket

static void open_socket(void) {
  netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  if (netlink < 0 || bind(netlink, (void *)&own, sizeof own) < 0) fail("open netlink");
  int receive = 2 << 20, on = 1;
  setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive);
  setsockopt(netlink, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

static void check_errors(void) {
  static char answer[65536];
  ssize_t count = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
  if (count < 0) return;
  struct nlmsghdr *header = (void *)answer;
  if (header->nlmsg_type == NLMSG_ERROR) {
    errno = -*(int *)(header + 1);
    if (errno) {
      fprintf(stderr, "floor: message %u\n", header->nlmsg_seq);
      fail("commit");
    }
  }
}

static void begin_batch(void) {
  used = sequence = 0;
  finish(begin(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES, AF_UNSPEC));
}

// sendmsg returns after the commit.
static void commit(void) {
  static int granted;
  finish(begin(NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES, AF_UNSPEC));
  int size = used + 4096;
  if (size > granted) setsockopt(netlink, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  if (size > granted) granted = size;
  if (send(netlink, buffer, used, 0) != (ssize_t)used) fail("commit");
  check_errors();
}

static double refill(void) {
  char name[32];
  snprintf(name, sizeof name, "rr-%d", member_count);
  const char *class = balancer_count ? name : NULL;
  double start = now();
  begin_batch();
  table(NFT_MSG_NEWTABLE);
  table(NFT_MSG_DELTABLE);
  table(NFT_MSG_NEWTABLE);
  for (int i = 0; i < SETS; i++) declare(&sets[i], i + 1);
  chains(class);
  balancer_elements(BACKENDS, balancers, balancer_count);
  class_element();
  balancer_elements(MEMBERS, balancers, balancer_count);
  translation_elements(PAIRS, translations, translation_count);
  balancer_elements(SERVICES, balancers, balancer_count);
  translation_elements(TO_PRIVATE, translations, translation_count);
  translation_elements(TO_PUBLIC, translations, translation_count);
  balancer_elements(TRACKED, balancers, balancer_count);
  rules(class);
  commit();
  return now() - start;
}

static double add_translation(int n) {
  struct translation one = translation(n);
  double start = now();
  begin_batch();
  translation_elements(PAIRS, &one, 1);
  translation_elements(TO_PRIVATE, &one, 1);
  translation_elements(TO_PUBLIC, &one, 1);
  commit();
  return now() - start;
}

static double add_balancer(int n) {
  struct balancer one = balancer(n);
  double start = now();
  begin_batch();
  balancer_elements(BACKENDS, &one, 1);
  balancer_elements(MEMBERS, &one, 1);
  balancer_elements(SERVICES, &one, 1);
  balancer_elements(TRACKED, &one, 1);
  commit();
  return now() - start;
}

// Every element of every set, counted.
static double read_all(int *found) {
  static char answer[256 << 10];
  double start = now();
  for (int set = 0; set < SETS; set++) {
    used = 0;
    size_t m = message(NFT_MSG_GETSETELEM, NLM_F_DUMP);
    text(NFTA_SET_ELEM_LIST_TABLE, "daruma");
    text(NFTA_SET_ELEM_LIST_SET, sets[set].name);
    finish(m);
    if (send(netlink, buffer, used, 0) < 0) fail("dump");
    for (int going = 1; going;) {
      ssize_t count = recv(netlink, answer, sizeof answer, 0);
      if (count < 0) fail("dump");
      for (struct nlmsghdr *h = (void *)answer; NLMSG_OK(h, count); h = NLMSG_NEXT(h, count)) {
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
          going = 0;
          break;
        }
        char *p = (char *)h + 20, *stop = (char *)h + h->nlmsg_len;
        while (p + 4 <= stop) {
          struct nlattr *a = (void *)p;
          if ((a->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_LIST_ELEMENTS) {
            for (char *q = p + 4; q < p + a->nla_len; q += (((struct nlattr *)q)->nla_len + 3) & ~3) ++*found;
          }
          p += (a->nla_len + 3) & ~3;
        }
      }
    }
  }
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}
static void say(const char *name, double *times, int count) {
  qsort(times, count, sizeof *times, ascending);
  printf(", \"%s\": {\"median\": %.9f, \"p99\": %.9f, \"min\": %.9f, \"max\": %.9f}", name, times[count / 2],
         times[count * 99 / 100], times[0], times[count - 1]);
}

int main(int argc, char **argv) {
  int adds = 0, read = 0, hold = 0;
  if (argc < 4) {
    fprintf(stderr, "usage: floor NATS BALANCERS MEMBERS [--adds N] [--read] [--hold]\n");
    return 64;
  }
  translation_count = atoi(argv[1]);
  balancer_count = atoi(argv[2]);
  member_count = atoi(argv[3]);
  for (int i = 4; i < argc; i++) {
    if (!strcmp(argv[i], "--adds") && i + 1 < argc) adds = atoi(argv[++i]);
    if (!strcmp(argv[i], "--read")) read = 1;
    if (!strcmp(argv[i], "--hold")) hold = 1;
  }
  if (unshare(CLONE_NEWNET) < 0) fail("a namespace of its own");
  open_socket();
  plan();
  room = 1 << 20;
  room += (size_t)translation_count * 80 + (size_t)balancer_count * (80 + member_count * 100);
  buffer = malloc(room);
  double refilled = refill();
  printf("{\"refill\": %.6f, \"bytes\": %zu", refilled, used);
  if (adds) {
    double *times = malloc(sizeof *times * adds);
    for (int i = 0; i < adds; i++) times[i] = add_translation(translation_count + i);
    say("add_nat", times, adds);
    for (int i = 0; balancer_count && i < adds; i++) times[i] = add_balancer(balancer_count + i);
    if (balancer_count) say("add_lb", times, adds);
  }
  if (read) {
    int found = 0;
    double time = read_all(&found);
    printf(", \"read\": %.6f, \"elements\": %d", time, found);
  }
  puts("}");
  fflush(stdout);
  if (hold) while (getchar() != EOF) {}
  return 0;
}
