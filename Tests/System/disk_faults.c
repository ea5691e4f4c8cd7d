// Preloaded into a process, it lets the disk fail under the files of a ledger: what the file named by DISK_FAULTS says is
// done to each write or flush from then on.
//   n: writes find no room    e: writes fail    s: writes are cut short and then fail    h: cut short, then no room
//   f: flushes fail           1: one flush fails, after that all succeed                anything else: nothing
// A write to a file that is opened with O_DSYNC is a flush, too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile char *control;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_FAULTS");
  int file = path ? open(path, O_RDWR) : -1;
  if (file < 0) return;
  void *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (map != MAP_FAILED) control = map;
  close(file);
}

static char fault(int file) {
  if (!control || *control == '0') return 0;
  char link[64], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, "/ledger") ? *control : 0;
}

typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);

static ssize_t faulty_pwrite(const char *name, int file, const void *bytes, size_t count, off_t offset) {
  static __thread int is_cut;
  pwrite_function real = (pwrite_function)dlsym(RTLD_NEXT, name);
  switch (fault(file)) {
    case 'n': errno = ENOSPC; return -1;
    case 'e': errno = EIO; return -1;
    case 's':
    case 'h':
      if (!is_cut && count > 1) {
        is_cut = 1;
        return real(file, bytes, count / 2, offset);
      }
      is_cut = 0;
      errno = *control == 's' ? EIO : ENOSPC;
      return -1;
    case 'f':
    case '1':
      if (fcntl(file, F_GETFL) & O_DSYNC) {
        if (*control == '1') *control = '0';
        real(file, bytes, count, offset);
        errno = EIO;
        return -1;
      }
      return real(file, bytes, count, offset);
    default: return real(file, bytes, count, offset);
  }
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return faulty_pwrite("pwrite", file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  return faulty_pwrite("pwrite64", file, bytes, count, offset);
}

static int faulty_flush(const char *name, int file) {
  char kind = fault(file);
  if (kind == 'f' || kind == '1') {
    if (kind == '1') *control = '0';
    errno = EIO;
    return -1;
  }
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return faulty_flush("fsync", file); }
int fdatasync(int file) { return faulty_flush("fdatasync", file); }
