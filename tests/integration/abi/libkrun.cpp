#include "tests/integration/abi/libkrun.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

namespace viaduct::test {

// EGL, THREAD_SYNC, NO_VIRGL, ASYNC_FENCE_CB, DRM.
const RutabagaHabits Libkrun::kHabits{.monitor = "libkrun",
                                      .flags = 0x583,
                                      .brings_node = false,
                                      .narrow_and_wide = true,
                                      .debug_callback = true,
                                      .keeps_last = false};
const RutabagaHabits Libkrun::kFallback{.monitor = "libkrun without native contexts",
                                        .flags = VIRGL_RENDERER_NO_VIRGL,
                                        .brings_node = false,
                                        .narrow_and_wide = true,
                                        .debug_callback = true,
                                        .keeps_last = false};

Libkrun::Libkrun(const RutabagaHabits& habits, std::chrono::milliseconds hang)
    : Rutabaga(Unstarted(), habits, hang),
      window_(::mmap(nullptr, kWindowBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
              kWindowBytes) {
    EXPECT_EQ(build(), 0);
}

virgl_renderer_callbacks Libkrun::table() {
    virgl_renderer_callbacks table = Rutabaga::table();
    void (*wide)(void*, uint32_t, uint64_t, uint64_t) = wide_context_fence;
    std::memcpy(&table.write_context_fence, &wide, sizeof(wide));
    return table;
}

void Libkrun::wide_context_fence(void* cookie, uint32_t ctx_id, uint64_t ring_idx,
                                 uint64_t fence_id) {
    EXPECT_EQ(ring_idx >> 32, 0u);
    write_context_fence(cookie, ctx_id, static_cast<uint32_t>(ring_idx), fence_id);
}

// A blob without a descriptor is an error, or, as libkrun may be built, memory that is not there.
std::span<std::byte> Libkrun::map_blob(uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource || !resource->map_info || used_ + resource->size > kWindowBytes) return {};
    const UniqueFd handle = take_handle(*resource);
    if (!handle || resource->fd_type == VIRGL_RENDERER_BLOB_FD_TYPE_OPAQUE) return {};
    std::byte* const place = window_.data() + used_;
    if (::mmap(place, resource->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, handle.get(),
               0) == MAP_FAILED)
        return {};
    used_ += resource->size;
    return places_[res_id] = {place, resource->size};
}

void Libkrun::unmap_blob(uint32_t res_id) {
    const auto place = places_.extract(res_id);
    if (!place) return;
    EXPECT_NE(::mmap(place.mapped().data(), place.mapped().size(), PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              MAP_FAILED);
}

}  // namespace viaduct::test
