// Requests that only amdgpu's guests can make.
#pragma once

#include <amdgpu_drm.h>

#include <initializer_list>

#include "tests/integration/abi/vmm.h"
#include "wire/amdgpu.h"

namespace viaduct::test {

/// The kernel clears all memory, and shows that (amdgpu_gem.c: amdgpu_gem_create_ioctl(),
/// amdgpu_object.c: amdgpu_bo_create()).
inline constexpr uint64_t kKernelsFlags =
    AMDGPU_GEM_CREATE_VRAM_CLEARED | AMDGPU_GEM_CREATE_VRAM_WIPE_ON_RELEASE;

/// PM4 commands that write `value` at `va`.
Words write_data(uint64_t va, uint32_t value);

/// GEM_NEW. `domain`: AMDGPU_GEM_DOMAIN_*; GTT unless said otherwise.
Message gem_new(uint64_t blob_id, uint64_t size, uint32_t domain = 2, uint64_t flags = 0);
/// A resource of such a buffer; 0 on failure.
uint32_t create_amdgpu_buffer(GuestContext& guest, uint64_t size, uint32_t blob_flags,
                              uint32_t domain, uint64_t gem_flags);

/// A CS_SUBMIT request in the making.
class SubmitBuilder {
  public:
    SubmitBuilder(uint32_t ctx_id, uint32_t ring) : ctx_id_(ctx_id), ring_(ring) {}
    template <typename T>
    SubmitBuilder& chunk(uint16_t id, const T& payload) {
        return chunk_bytes(id, std::as_bytes(std::span(&payload, 1)));
    }
    SubmitBuilder& chunk_bytes(uint16_t id, std::span<const std::byte> payload);
    SubmitBuilder& ib(uint64_t va, uint32_t bytes, uint32_t ip_type = 0, uint32_t ring = 0);
    SubmitBuilder& buffers(std::span<const uint32_t> res_ids);
    SubmitBuilder& buffers(std::initializer_list<uint32_t> res_ids) {
        return buffers(std::span(res_ids.begin(), res_ids.size()));
    }
    /// The request's bytes, header zero.
    std::vector<std::byte> build() const;

  private:
    struct Chunk {
        wire::amdgpu::ChunkDescriptor descriptor;
        std::vector<std::byte> payload;
    };
    uint32_t ctx_id_, ring_;
    std::vector<Chunk> chunks_;
};

}  // namespace viaduct::test
