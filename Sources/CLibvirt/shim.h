#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// libvirt prints every error to standard error unless a handler is set.
static inline void daruma_libvirt_ignore_error(void *data, virErrorPtr error) {
  (void)data;
  (void)error;
}

static inline void daruma_libvirt_silence(void) {
  virSetErrorFunc(0, daruma_libvirt_ignore_error);
}

#include <spawn.h>

// GNU extensions that the Glibc module leaves out.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
static const int daruma_posix_spawn_setsid = 0x80;
