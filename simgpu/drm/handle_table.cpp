#include "simgpu/drm/handle_table.h"

#include <iterator>

namespace simgpu::drm {

uint32_t BufferTable::add(const BufferPtr& buffer, bool* fresh) {
    const viaduct::LockGuard lock(mutex_);
    if (const auto known = handles_.find(buffer.get()); known != handles_.end()) {
        if (fresh) *fresh = false;
        return known->second;
    }
    auto taken = entries_.lower_bound(hint_);
    while (taken != entries_.end() && taken->first == hint_) {
        ++hint_;
        ++taken;
    }
    const uint32_t handle = hint_++;
    entries_.emplace(handle, Entry{buffer, next_offset_});
    handles_.emplace(buffer.get(), handle);
    offsets_.emplace(next_offset_, handle);
    next_offset_ += buffer->size();
    if (fresh) *fresh = true;
    return handle;
}

BufferPtr BufferTable::find(uint32_t handle) {
    const viaduct::LockGuard lock(mutex_);
    const auto found = entries_.find(handle);
    return found == entries_.end() ? nullptr : found->second.buffer;
}

BufferPtr BufferTable::take(uint32_t handle) {
    const viaduct::LockGuard lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) return nullptr;
    const Entry entry = std::move(found->second);
    entries_.erase(found);
    handles_.erase(entry.buffer.get());
    offsets_.erase(entry.mmap_offset);
    if (handle < hint_) hint_ = handle;
    return entry.buffer;
}

uint64_t BufferTable::mmap_offset(uint32_t handle) {
    const viaduct::LockGuard lock(mutex_);
    const auto found = entries_.find(handle);
    return found == entries_.end() ? 0 : found->second.mmap_offset;
}

BufferPtr BufferTable::find_offset(uint64_t mmap_offset, uint64_t* inside) {
    const viaduct::LockGuard lock(mutex_);
    const auto after = offsets_.upper_bound(mmap_offset);
    if (after == offsets_.begin()) return nullptr;
    const auto [start, handle] = *std::prev(after);
    const BufferPtr& buffer = entries_.at(handle).buffer;
    if (mmap_offset - start >= buffer->size()) return nullptr;
    *inside = mmap_offset - start;
    return buffer;
}

std::vector<BufferPtr> BufferTable::all() {
    const viaduct::LockGuard lock(mutex_);
    std::vector<BufferPtr> buffers;
    buffers.reserve(entries_.size());
    for (const auto& [handle, entry] : entries_) buffers.push_back(entry.buffer);
    return buffers;
}

}  // namespace simgpu::drm
