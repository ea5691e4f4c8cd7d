#ifndef DARUMA_CLINUX_SHIM_H
#define DARUMA_CLINUX_SHIM_H

// No feature macros here: with them libc's types would differ from those of the Glibc module.

#include <sys/epoll.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

// The system calls go by number, so that nothing depends on the feature macros libc was imported with.

static inline int daruma_setns(int descriptor) { return (int)syscall(SYS_setns, descriptor, 0x40000000); }
static inline int daruma_unshare_network(void) { return (int)syscall(SYS_unshare, 0x40000000); }

static inline int daruma_bind_mount(const char *source, const char *target) {
  return (int)syscall(SYS_mount, source, target, "none", 4096UL, (void *)0);
}
static inline int daruma_make_mount_private(const char *target) {
  return (int)syscall(SYS_mount, "none", target, "none", 1UL << 18, (void *)0);
}
static inline int daruma_detach_mount(const char *target) { return (int)syscall(SYS_umount2, target, 2); }

static inline int daruma_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }
static inline int daruma_pidfd_send_signal(int descriptor, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, (void *)0, 0U);
}

struct daruma_ifreq {
  char name[16];
  union {
    short flags;
    int index;
    char room[24];
  } value;
};

static inline void daruma_ifreq_name(struct daruma_ifreq *request, const char *name) {
  memset(request, 0, sizeof(*request));
  strncpy(request->name, name, sizeof(request->name) - 1);
}

// The index of a link in the namespace of the socket, or -1 with errno.
static inline int daruma_link_index(int socket, const char *name) {
  struct daruma_ifreq request;
  daruma_ifreq_name(&request, name);
  if (ioctl(socket, 0x8933, &request) < 0) return -1;
  return request.value.index;
}

static inline int daruma_loopback_up(int socket) {
  struct daruma_ifreq request;
  daruma_ifreq_name(&request, "lo");
  if (ioctl(socket, 0x8913, &request) < 0) return -1;
  request.value.flags |= 1;
  return ioctl(socket, 0x8914, &request);
}

// A persistent tap without packet information headers; the caller may close the descriptor afterwards.
static inline int daruma_make_tap(int tun, const char *name, int vnet_header) {
  struct daruma_ifreq request;
  daruma_ifreq_name(&request, name);
  request.value.flags = (short)(0x0002 | 0x1000 | (vnet_header ? 0x4000 : 0));
  if (ioctl(tun, _IOW('T', 202, int), &request) < 0) return -1;
  return ioctl(tun, _IOW('T', 203, int), 1);
}

// Lets a netlink socket hear of addresses, neighbours, routes and rules only what requests of the other port did not cause.
// What is said of links it hears always.
static inline int daruma_hear_others(int socket, uint32_t port) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, __builtin_offsetof(struct nlmsghdr, nlmsg_type)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap16(RTM_NEWLINK), 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap16(RTM_DELLINK), 2, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(struct nlmsghdr, nlmsg_pid)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap32(port), 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

// stdin from in, stdout and stderr to out, everything above closed, default signals.
static inline int daruma_spawn(pid_t *pid, const char *path, char *const argv[], char *const envp[], int in, int out,
                               int new_session) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int result = posix_spawn_file_actions_init(&actions);
  if (result != 0) return result;
  result = posix_spawnattr_init(&attributes);
  if (result != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return result;
  }
  sigemptyset(&none);
  sigfillset(&all);
  short flags = 0x04 | 0x08;  // default signals, signal mask
  if (new_session) flags |= 0x80;
  if (result == 0) result = posix_spawnattr_setflags(&attributes, flags);
  if (result == 0) result = posix_spawnattr_setsigdefault(&attributes, &all);
  if (result == 0) result = posix_spawnattr_setsigmask(&attributes, &none);
  if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, in, 0);
  if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, out, 1);
  if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, out, 2);
  if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (result == 0) result = posix_spawn(pid, path, &actions, &attributes, argv, envp);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

// The number of the file, 0 if there is none. Swift finds the fields of `struct stat` in whichever module it read first.
static inline uint64_t daruma_inode(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

#endif
