// Libkrun: libkrun's copy of rutabaga_gfx, on a thread of the program that called it (muvm, krun).
#pragma once

#include "blob/mapping.h"
#include "tests/integration/abi/rutabaga.h"

namespace viaduct::test {

/// As muvm sets it up for native contexts. It maps blobs into its own window, and ends with
/// _exit(), without a word to the library.
class Libkrun : public Rutabaga {
  public:
    static const RutabagaHabits kHabits;
    static const RutabagaHabits kFallback;  // what it tries if that fails

    explicit Libkrun(const RutabagaHabits& habits = kHabits,
                     std::chrono::milliseconds hang = std::chrono::milliseconds(800));
    ~Libkrun() override { finish(); }

    std::span<std::byte> map_blob(uint32_t res_id) override;
    void unmap_blob(uint32_t res_id) override;

  protected:
    virgl_renderer_callbacks table() override;

  private:
    static constexpr size_t kWindowBytes = 64 << 20;
    static void wide_context_fence(void* cookie, uint32_t ctx_id, uint64_t ring_idx,
                                   uint64_t fence_id);

    Mapping window_;
    std::map<uint32_t, std::span<std::byte>> places_;
    size_t used_ = 0;
};

}  // namespace viaduct::test
