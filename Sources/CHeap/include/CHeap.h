#ifndef DARUMA_CHEAP_H
#define DARUMA_CHEAP_H

#ifdef __cplusplus
extern "C" {
#endif

/// Has the process's heap (tcmalloc's) grow by huge pages of 2 MiB once it is larger than `small` bytes, where the
/// kernel offers them to who asks. What is looked up at random in small pages costs the processor a walk through the
/// page tables each time. To be called once, while there is one thread.
void heap_use_huge_pages(unsigned long small);

#ifdef __cplusplus
}
#endif

#endif
