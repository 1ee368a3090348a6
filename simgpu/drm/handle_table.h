// Numbered objects of one open file.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "simgpu/memory/buffer.h"

namespace simgpu::drm {

using memory::Buffer;
using memory::BufferPtr;

/// Gives out the lowest free number from 1, as the kernel's IDR. Thread-safe.
template <typename Object>
class HandleTable {
  public:
    /// At most `limit` objects.
    explicit HandleTable(uint32_t limit) : limit_(limit) {}

    /// -ENOSPC if the table is full. `make(number)` returns a std::shared_ptr<Object>.
    template <typename Make>
    tl::expected<uint32_t, int> add(Make make) {
        const viaduct::LockGuard lock(mutex_);
        if (objects_.size() >= limit_) return tl::unexpected(-ENOSPC);
        const uint32_t number = lowest_free();
        objects_.emplace(number, make(number));
        return number;
    }
    std::shared_ptr<Object> find(uint32_t number) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = objects_.find(number);
        return found == objects_.end() ? nullptr : found->second;
    }
    bool replace(uint32_t number, std::shared_ptr<Object> object) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = objects_.find(number);
        if (found == objects_.end()) return false;
        found->second.swap(object);
        return true;
    }
    std::vector<std::shared_ptr<Object>> all() {
        const viaduct::LockGuard lock(mutex_);
        std::vector<std::shared_ptr<Object>> objects;
        for (const auto& [number, object] : objects_) objects.push_back(object);
        return objects;
    }
    /// Null if there was none.
    std::shared_ptr<Object> take(uint32_t number) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = objects_.find(number);
        if (found == objects_.end()) return nullptr;
        std::shared_ptr<Object> object = std::move(found->second);
        objects_.erase(found);
        if (number < hint_) hint_ = number;
        return object;
    }

  private:
    uint32_t lowest_free() VIADUCT_REQUIRES(mutex_) {
        // All numbers below the hint are taken.
        auto taken = objects_.lower_bound(hint_);
        while (taken != objects_.end() && taken->first == hint_) {
            ++hint_;
            ++taken;
        }
        return hint_++;
    }

    const uint32_t limit_;
    viaduct::Mutex mutex_;
    uint32_t hint_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::map<uint32_t, std::shared_ptr<Object>> objects_ VIADUCT_GUARDED_BY(mutex_);
};

/// The GEM handles of one open file. A buffer has one handle per file, however often it is
/// imported, and one mmap offset. Thread-safe.
class BufferTable {
  public:
    /// The handle of the buffer, an old one if it has one. `*fresh` tells which.
    uint32_t add(const BufferPtr& buffer, bool* fresh = nullptr);
    BufferPtr find(uint32_t handle);
    /// Closes the handle. Null if there was none.
    BufferPtr take(uint32_t handle);

    /// Where the file's owner may mmap the buffer; page-aligned, never 0.
    uint64_t mmap_offset(uint32_t handle);
    /// The buffer that an offset from mmap_offset(), or within the buffer behind it, belongs to;
    /// `*inside` is the offset from the buffer's start. Null if there is none.
    BufferPtr find_offset(uint64_t mmap_offset, uint64_t* inside);

    std::vector<BufferPtr> all();

  private:
    struct Entry {
        BufferPtr buffer;
        uint64_t mmap_offset = 0;
    };

    viaduct::Mutex mutex_;
    uint32_t hint_ VIADUCT_GUARDED_BY(mutex_) = 1;
    uint64_t next_offset_ VIADUCT_GUARDED_BY(mutex_) =
        1ull << 32;  // where the kernel's fake offsets begin
    std::map<uint32_t, Entry> entries_ VIADUCT_GUARDED_BY(mutex_);
    std::map<const Buffer*, uint32_t> handles_ VIADUCT_GUARDED_BY(mutex_);
    std::map<uint64_t, uint32_t> offsets_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace simgpu::drm
