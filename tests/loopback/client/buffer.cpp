#include "tests/loopback/client/buffer.h"

namespace viaduct::loopback {

uint32_t BufferTable::add(const BufferPtr& buffer) {
    const std::lock_guard lock(mutex_);
    uint32_t handle = 1;
    for (const auto& [used, other] : buffers_) {
        if (used != handle) break;
        ++handle;
    }
    buffer->mmap_offset = next_offset_;
    next_offset_ += buffer->size;
    buffers_.emplace(handle, buffer);
    return handle;
}

BufferPtr BufferTable::find(uint32_t handle) const {
    const std::lock_guard lock(mutex_);
    const auto entry = buffers_.find(handle);
    return entry == buffers_.end() ? nullptr : entry->second;
}

BufferPtr BufferTable::find_by_offset(uint64_t mmap_offset) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [handle, buffer] : buffers_)
        if (buffer->mmap_offset == mmap_offset) return buffer;
    return nullptr;
}

uint32_t BufferTable::handle_of_resource(uint32_t resource_id) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [handle, buffer] : buffers_)
        if (buffer->resource_id == resource_id) return handle;
    return 0;
}

BufferPtr BufferTable::remove(uint32_t handle) {
    const std::lock_guard lock(mutex_);
    const auto entry = buffers_.find(handle);
    if (entry == buffers_.end()) return nullptr;
    BufferPtr buffer = std::move(entry->second);
    buffers_.erase(entry);
    return buffer;
}

}  // namespace viaduct::loopback
