// A stand-in for the GPU's side: records what it is told, retires fences on command.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "blob/memfd.h"
#include "drm-context/native_context.h"
#include "renderer/provider.h"

namespace viaduct::test {

struct FakeGpu;

/// Hands out memfds: blob_id 0 is the control buffer, ids in `objects` are buffers of that size.
class FakeNativeContext : public NativeContext {
  public:
    FakeNativeContext(FakeGpu& gpu, uint32_t id, std::string name)
        : gpu_(gpu), id(id), name(std::move(name)) {}
    ~FakeNativeContext() override;

    Status submit(std::span<const std::byte> commands) override;
    Result<BlobObject> create_blob(const BlobRequest& request) override;
    Result<BlobMapSource> map_source(ResourceId res_id, uint64_t size) override;
    Result<UniqueFd> export_blob(ResourceId res_id) override;
    Result<ImageLayout> image_layout(ResourceId) override { return layout; }
    void attach_resource(ResourceId res_id, SharedFd dmabuf) override {
        attached.emplace(res_id, std::move(dmabuf));
    }
    void detach_resource(ResourceId res_id) override {
        detached.push_back(res_id);
        attached.erase(res_id);
        opaque_.erase(res_id);
    }
    void create_fence(RingIndex ring_idx, FenceId fence_id) override;
    Result<UniqueFd> export_fence(FenceId fence_id) override;
    Status add_in_fence(SharedFd sync_file) override {
        if (!sync_file) return fail(EINVAL, "no sync file");
        in_fences.push_back(std::move(sync_file));
        return {};
    }
    int device_fd() const override { return device_fd_.get(); }

  private:
    FakeGpu& gpu_;
    std::map<ResourceId, UniqueFd> opaque_;
    UniqueFd device_fd_{::open("/dev/null", O_RDWR | O_CLOEXEC)};

  public:
    const uint32_t id;
    const std::string name;
    std::function<void()> in_queue;  // called first by submit() and create_fence()
    bool exportable = true;          // its opaque blobs
    bool says_private = false;       // and says so when they are created
    int exported = 0;                // how often it was asked
    int export_error = 0;            // what export_fence fails with
    std::vector<FenceId> exports;    // which fences it was asked for
    std::vector<std::vector<std::byte>> submissions;
    std::map<ResourceId, SharedFd> attached;
    std::vector<ResourceId> detached;
    ImageLayout layout;  // of every resource
    std::vector<SharedFd> in_fences;
    std::map<uint64_t, uint64_t> objects{{7, 8192}, {8, 4096}};  // blob_id → bytes
};

/// The fake GPU outlives hosts and contexts and knows the living ones.
struct FakeGpu {
    struct Fence {
        uint32_t ctx_id;
        RingIndex ring_idx;
        FenceId fence_id;
    };
    bool present = true;
    bool vmm_fd_usable = true;
    bool retire_at_once = false;
    int hosts_made = 0;
    int hosts_alive = 0;
    int serving = 0;           // hosts that serve figures
    std::vector<int> vmm_fds;  // what get_drm_fd gave
    FenceCallback on_fence;
    std::mutex mutex;  // guards fences and contexts
    std::deque<Fence> fences;
    std::map<uint32_t, FakeNativeContext*> contexts;
    std::mutex callback_mutex;  // held while on_fence is read or runs
    int context_error = 0;

    HostFactory factory();
    /// Retires the oldest `count` fences. Any thread, one at a time.
    void retire(size_t count = SIZE_MAX);
    FakeNativeContext& context(uint32_t id) { return *contexts.at(id); }
};

}  // namespace viaduct::test
