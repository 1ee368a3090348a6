// Crosvm: rutabaga_gfx in crosvm's GPU process, whose blobs the main process maps by descriptor.
#pragma once

#include "blob/mapping.h"
#include "tests/integration/abi/rutabaga.h"

namespace viaduct::test {

/// `--gpu backend=virglrenderer,context-types=drm`, with crosvm's defaults for the rest.
class Crosvm : public Rutabaga {
  public:
    /// With --disable-sandbox, and with the sandbox: then USE_EXTERNAL_BLOB is among the flags, and
    /// a blob without a descriptor is not mapped at all.
    static const RutabagaHabits kHabits;
    static const RutabagaHabits kSandboxed;

    explicit Crosvm(const RutabagaHabits& habits = kHabits,
                    std::chrono::milliseconds hang = std::chrono::milliseconds(800))
        : Rutabaga(habits, hang) {}
    ~Crosvm() override { finish(); }

    std::span<std::byte> map_blob(uint32_t res_id) override;
    void unmap_blob(uint32_t res_id) override;

  private:
    std::map<uint32_t, Mapping> window_;  // the main process's; a resource's end leaves it alone
};

}  // namespace viaduct::test
