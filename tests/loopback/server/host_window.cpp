#include "tests/loopback/server/host_window.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace viaduct::loopback {

Result<HostWindow> HostWindow::create(uint64_t size) {
    void* const address =
        ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) return fail(errno, "cannot reserve {} bytes of addresses", size);
    HostWindow window;
    window.reserved_ = Mapping(address, size);
    window.add_gap(0, size);
    return window;
}

void HostWindow::add_gap(uint64_t offset, uint64_t size) {
    gaps_.emplace(offset, size);
    by_size_.emplace(size, offset);
}

void HostWindow::remove_gap(std::map<uint64_t, uint64_t>::iterator gap) {
    by_size_.erase({gap->second, gap->first});
    gaps_.erase(gap);
}

Result<void*> HostWindow::allocate(uint64_t size) {
    const auto best = by_size_.lower_bound({size, 0});
    if (size == 0 || best == by_size_.end())
        return fail(ENOSPC, "the host-visible window has no {} bytes left", size);
    const auto [room, offset] = *best;
    remove_gap(gaps_.find(offset));
    if (room > size) add_gap(offset + size, room - size);
    used_[offset] = size;
    return reserved_.data() + offset;
}

void HostWindow::release(void* address) {
    auto offset = static_cast<uint64_t>(static_cast<std::byte*>(address) - reserved_.data());
    const auto entry = used_.find(offset);
    if (entry == used_.end()) return;
    uint64_t size = entry->second;
    ::mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
           0);
    used_.erase(entry);
    if (const auto next = gaps_.find(offset + size); next != gaps_.end()) {
        size += next->second;
        remove_gap(next);
    }
    if (const auto next = gaps_.lower_bound(offset); next != gaps_.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            offset = before->first;
            size += before->second;
            remove_gap(before);
        }
    }
    add_gap(offset, size);
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
