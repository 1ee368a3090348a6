// The extensions of GEM_CREATE_EXT: a guest's packed list, rebuilt as the kernel's chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/result.h"
#include "drm-context/account/context_account.h"
#include "drm-context/native_context.h"

namespace viaduct::i915 {

/// Owns the chain. Every pointer in it is ours.
class CreateExtensions {
  public:
    /// Checks each entry before it is read. EINVAL, with the one that is wrong.
    Status parse(std::span<const std::byte> packed);

    /// The user address of the first extension; 0: there is none. Valid as long as this object.
    uint64_t chain() const { return chain_; }
    MapCache cache() const { return cache_; }
    MemoryPlace place() const { return place_; }

  private:
    struct Kind {
        uint32_t size;  // bytes
        Status (CreateExtensions::*read)(std::span<std::byte> entry,
                                         std::span<const std::byte>& rest);
    };
    static const Kind kKinds[];

    Status read_regions(std::span<std::byte> entry, std::span<const std::byte>& rest);
    Status read_protected(std::span<std::byte> entry, std::span<const std::byte>& rest);
    Status read_pat(std::span<std::byte> entry, std::span<const std::byte>& rest);
    std::span<std::byte> keep(std::span<const std::byte> bytes);

    std::deque<std::vector<uint64_t>> memory_;  // 8-aligned; addresses stay
    uint64_t chain_ = 0;
    std::byte* last_ = nullptr;  // entry, whose `next` is still 0
    MapCache cache_ = MapCache::kCached;
    MemoryPlace place_ = MemoryPlace::kSystem;
    bool has_pat_ = false;
};

}  // namespace viaduct::i915
