#include "tests/loopback/server/host_window.h"

#include <cstring>
#include <fstream>
#include <string>

namespace viaduct::loopback {

Result<HostWindow> HostWindow::create(uint64_t size) {
    void* const address =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) return fail(errno, "cannot reserve {} bytes of addresses", size);
    HostWindow window;
    window.reserved_ = Mapping(address, size);
    return window;
}

Result<void*> HostWindow::allocate(uint64_t size) {
    // First fit: the gap before each used range, then what is left behind the last.
    uint64_t start = 0;
    for (const auto& [offset, used] : used_) {
        if (offset - start >= size) break;
        start = offset + used;
    }
    if (size == 0 || size > reserved_.size() || start > reserved_.size() - size)
        return fail(ENOSPC, "the host-visible window has no {} bytes left", size);
    used_[start] = size;
    return reserved_.data() + start;
}

void HostWindow::release(void* address) {
    const auto offset = static_cast<uint64_t>(static_cast<std::byte*>(address) - reserved_.data());
    const auto entry = used_.find(offset);
    if (entry == used_.end()) return;
    ::mmap(address, entry->second, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    used_.erase(entry);
}

Result<MappedFile> file_behind_mapping(const void* address, uint64_t size) {
    const auto wanted = reinterpret_cast<uint64_t>(address);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        uint64_t start = 0;
        uint64_t end = 0;
        uint64_t offset = 0;
        // proc(5): "start-end perms offset dev inode path"
        if (std::sscanf(line.c_str(), "%lx-%lx %*s %lx", &start, &end, &offset) != 3) continue;
        if (wanted < start || wanted >= end) continue;
        if (size > end - wanted)
            return fail(ENOTSUP, "the mapping at {:#x} is of more than one file", wanted);
        const auto path = fmt::format("/proc/self/map_files/{:x}-{:x}", start, end);
        UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!fd) return fail(errno, "cannot open {}: {}", path, std::strerror(errno));
        return MappedFile{std::move(fd), offset + (wanted - start)};
    }
    return fail(EFAULT, "nothing is mapped at {:#x}", wanted);
}

}  // namespace viaduct::loopback
