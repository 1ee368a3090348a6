// RealRutabaga: rutabaga_gfx itself as the monitor, through its C interface
// (librutabaga_gfx_ffi.so, of 0.1.85), which a person builds: see docs/crosvm.md.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {

/// One in the life of a process: rutabaga_gfx starts once. Its calls may come from several threads,
/// one at a time.
class RealRutabaga : public Vmm {
  public:
    /// With "drm" in its mask. Throws std::runtime_error if the library cannot be loaded or
    /// started.
    explicit RealRutabaga(const std::string& library);
    ~RealRutabaga() override { finish(); }

    int create_context(uint32_t ctx_id, const std::string& name) override;
    void destroy_context(uint32_t ctx_id) override;
    int create_blob(const virgl_renderer_resource_create_blob_args& args) override;
    void unref(uint32_t res_id) override;
    void attach(uint32_t ctx_id, uint32_t res_id) override;
    int submit(uint32_t ctx_id, std::span<const std::byte> bytes) override;
    int create_fence(uint32_t ctx_id, uint32_t flags, uint32_t ring, uint64_t fence_id) override;

    int create_global_fence(uint64_t fence_id);
    bool wait_global_fence(uint64_t fence_id);
    /// The capability set 6 as a guest gets it; empty if it is not offered.
    std::vector<std::byte> native_capset();
    /// Empty: an error.
    std::span<std::byte> map(uint32_t res_id);
    int unmap(uint32_t res_id);
    int export_blob(uint32_t res_id, UniqueFd& handle);
    /// libkrun's copy has none.
    bool has_snapshots() const;
    int snapshot(const std::string& folder);
    int restore(const std::string& folder);
    /// The end, with whatever there is. Calls after it fail.
    void finish();

  private:
    struct Functions;
    struct Fence;
    static void on_fence(uint64_t self, const Fence* fence);
    template <typename Function, typename... Arguments>
    int call(Function function, Arguments... arguments);

    std::shared_ptr<Functions> functions_;
    std::mutex mutex_;  // &mut, in Rust
    void* rutabaga_ = nullptr;
    std::mutex fences_mutex_;
    uint64_t global_fence_ = 0;
};

}  // namespace viaduct::test
