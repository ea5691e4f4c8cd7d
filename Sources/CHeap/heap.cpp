#include "CHeap.h"

#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace {

constexpr size_t huge_page = 2 << 20;
/// Beyond this the sums below could overflow, and the kernel would refuse anyway.
constexpr size_t largest = size_t{1} << 46;

class HugePages : public SysAllocator {
 public:
  HugePages(SysAllocator *other, size_t small) : other_(other), small_(small) {}

  /// tcmalloc holds its lock meanwhile.
  void *Alloc(size_t size, size_t *actual, size_t alignment) override {
    if (small_ > 0 || size > largest || alignment > largest) {
      small_ -= size < small_ ? size : small_;
      return other_->Alloc(size, actual, alignment);
    }
    if (alignment < huge_page) alignment = huge_page;
    size_t bytes = (size + huge_page - 1) / huge_page * huge_page;
    void *mapping = mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return other_->Alloc(size, actual, alignment);
    uintptr_t first = reinterpret_cast<uintptr_t>(mapping);
    uintptr_t start = (first + alignment - 1) / alignment * alignment;
    uintptr_t end = first + bytes + alignment;
    if (start > first) munmap(mapping, start - first);
    if (end > start + bytes) munmap(reinterpret_cast<void *>(start + bytes), end - start - bytes);
    void *place = reinterpret_cast<void *>(start);
    madvise(place, bytes, MADV_HUGEPAGE);
    if (actual) *actual = bytes;
    return place;
  }

 private:
  SysAllocator *const other_;
  /// What is still to be taken as small pages.
  size_t small_;
};

/// Never destroyed: memory is asked for until the process has ended.
alignas(HugePages) char room[sizeof(HugePages)];

}  // namespace

void heap_use_huge_pages(unsigned long small) {
  MallocExtension *heap = MallocExtension::instance();
  heap->SetSystemAllocator(new (room) HugePages(heap->GetSystemAllocator(), small));
}
