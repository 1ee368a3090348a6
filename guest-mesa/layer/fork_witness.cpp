#include "guest-mesa/layer/fork_witness.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace viaduct::guest {

namespace {

size_t page_size() {
    return static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ForkWitness::ForkWitness() {
    void* page =
        ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (::madvise(page, page_size(), MADV_WIPEONFORK) == 0)
        state_ = new (page) std::atomic<uint32_t>(kSettled);
    else
        ::munmap(page, page_size());
}

ForkWitness::~ForkWitness() {
    if (state_) ::munmap(state_, page_size());
}

}  // namespace viaduct::guest
