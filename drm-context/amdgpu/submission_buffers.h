// SubmissionBuffers: memory that CS ioctls are made in, one after the other.
#pragma once

#include <amdgpu_drm.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace viaduct::amdgpu {

/// Kept from one submission to the next, so that most of them allocate nothing. Not thread-safe.
struct SubmissionBuffers {
    std::vector<uint64_t> words;  // payloads of chunks, each 8-aligned
    std::vector<drm_amdgpu_cs_chunk> chunks;
    std::vector<uint64_t> chunk_pointers;
    std::vector<drm_amdgpu_bo_list_entry> bo_list;

    /// Empties all. The memory of an unusually large submission is given back.
    void clear() {
        clear(words);
        clear(chunks);
        clear(chunk_pointers);
        clear(bo_list);
    }

  private:
    static constexpr size_t kKept = 64 << 10;  // bytes

    template <typename T>
    static void clear(std::vector<T>& vector) {
        if (vector.capacity() * sizeof(T) > kKept)
            vector = {};
        else
            vector.clear();
    }
};

}  // namespace viaduct::amdgpu
