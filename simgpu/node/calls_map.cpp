// Interposed: mmap(2) and its relatives. A mapping of a node keeps its file open.
#include <stdarg.h>
#include <sys/mman.h>

#include <cerrno>

#include "blob/mapping.h"
#include "simgpu/node/mapped_ranges.h"
#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

struct MmapCall {
    void* address;
    size_t length;
    int protection;
    int flags;
    int fd;
    off64_t offset;
};

size_t whole_pages(size_t length) {
    return static_cast<size_t>(viaduct::round_up_to_page(length));
}

// Nothing of a node is there any more. Returns what was kept open by that.
std::vector<NodeFilePtr> forget(const void* address, size_t length) {
    if (mapped_ranges().empty() || !open_files().is_this_process()) return {};
    return mapped_ranges().remove(address, whole_pages(length));
}

void keep_open(const NodeFilePtr& file, const void* address, size_t length) {
    const auto replaced = mapped_ranges().add(address, whole_pages(length), file);
}

void* map_node(OpenFile& open_file, const MmapCall& call) {
    const auto file = open_file.file();
    if (!file) return errno = ENODEV, MAP_FAILED;
    const auto source = file->map_source(static_cast<uint64_t>(call.offset));
    if (!source) return errno = source.error(), MAP_FAILED;
    const size_t length = whole_pages(call.length);
    if (length == 0 || length > source->size) return errno = EINVAL, MAP_FAILED;
    void* const mapped = next::mmap64(call.address, call.length, call.protection, call.flags,
                                      source->fd.get(), static_cast<off64_t>(source->offset));
    if (mapped != MAP_FAILED) keep_open(file, mapped, length);
    return mapped;
}

template <typename Offset, typename Next>
void* mmap_with(Next& next, const MmapCall& call) {
    if ((call.flags & MAP_ANONYMOUS) == 0 && open_files().may_hold(call.fd))
        if (const OpenFilePtr file = open_files().find(call.fd)) return map_node(*file, call);
    void* const mapped = next(call.address, call.length, call.protection, call.flags, call.fd,
                              static_cast<Offset>(call.offset));
    if (mapped != MAP_FAILED) forget(mapped, call.length);
    // A FIFO cannot be mapped (ENODEV): is it a node that came over a socket?
    if (mapped != MAP_FAILED || errno != ENODEV) return mapped;
    Shell* shell = Shell::wake();
    const OpenFilePtr file = shell != nullptr ? shell->adopt(call.fd) : nullptr;
    if (file) return map_node(*file, call);
    errno = ENODEV;
    return mapped;
}

}  // namespace

EXPORT void* mmap(void* address, size_t length, int protection, int flags, int fd,
                  off_t offset) noexcept {
    return mmap_with<off_t>(next::mmap, {address, length, protection, flags, fd, offset});
}
EXPORT void* mmap64(void* address, size_t length, int protection, int flags, int fd,
                    off64_t offset) noexcept {
    return mmap_with<off64_t>(next::mmap64, {address, length, protection, flags, fd, offset});
}

EXPORT int munmap(void* address, size_t length) noexcept {
    // Forgotten first: once it is unmapped the addresses may be another thread's. The file goes
    // after that.
    const auto dropped = forget(address, length);
    const int result = next::munmap(address, length);
    return result;
}

EXPORT void* mremap(void* address, size_t length, size_t new_length, int flags, ...) noexcept {
    va_list arguments;
    va_start(arguments, flags);
    void* wanted = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : nullptr;
    va_end(arguments);
    const bool ours = !mapped_ranges().empty() && open_files().is_this_process();
    const NodeFilePtr file = ours ? mapped_ranges().find(address) : nullptr;
    void* const moved = next::mremap(address, length, new_length, flags, wanted);
    if (moved == MAP_FAILED) return moved;
    forget(address, length);
    forget(moved, new_length);
    if (file) keep_open(file, moved, new_length);
    return moved;
}

}  // namespace simgpu::node
