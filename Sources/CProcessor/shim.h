#ifndef DARUMA_CPROCESSOR_SHIM_H
#define DARUMA_CPROCESSOR_SHIM_H

/// Has the processor fetch the line of memory at `place`, which need not be anybody's, while the program goes on.
static inline void processor_prefetch(const void *place) { __builtin_prefetch(place); }

/// The same for what will be written to.
static inline void processor_prefetch_to_write(const void *place) { __builtin_prefetch(place, 1); }

#endif
