#include "tests/loopback/client/buffer.h"

#include <algorithm>

namespace viaduct::loopback {

/// Caller holds the mutex.
GemHandle BufferTable::lowest_free() {
    for (auto taken = buffers_.lower_bound(GemHandle(hint_)); taken != buffers_.end();
         ++taken, ++hint_)
        if (taken->first != GemHandle(hint_)) break;
    return GemHandle(hint_++);
}

GemHandle BufferTable::add(const BufferPtr& buffer) {
    const std::lock_guard lock(mutex_);
    const GemHandle handle = lowest_free();
    buffer->mmap_offset = next_offset_;
    next_offset_ += buffer->size;
    buffers_.emplace(handle, buffer);
    mapped_.emplace(buffer->mmap_offset, buffer);
    handles_.emplace(buffer->resource_id, handle);
    return handle;
}

BufferPtr BufferTable::find(GemHandle handle) const {
    const std::lock_guard lock(mutex_);
    const auto entry = buffers_.find(handle);
    return entry == buffers_.end() ? nullptr : entry->second;
}

BufferPtr BufferTable::find_by_offset(uint64_t mmap_offset) const {
    const std::lock_guard lock(mutex_);
    const auto entry = mapped_.find(mmap_offset);
    return entry == mapped_.end() ? nullptr : entry->second;
}

GemHandle BufferTable::handle_of_resource(ResourceId resource_id) const {
    const std::lock_guard lock(mutex_);
    const auto entry = handles_.find(resource_id);
    return entry == handles_.end() ? GemHandle() : entry->second;
}

BufferPtr BufferTable::remove(GemHandle handle) {
    const std::lock_guard lock(mutex_);
    const auto entry = buffers_.find(handle);
    if (entry == buffers_.end()) return nullptr;
    BufferPtr buffer = std::move(entry->second);
    buffers_.erase(entry);
    mapped_.erase(buffer->mmap_offset);
    handles_.erase(buffer->resource_id);
    hint_ = std::min(hint_, handle.value());
    return buffer;
}

}  // namespace viaduct::loopback
