// RemoteContext: a native context whose worker is at the other end of a link.
#pragma once

#include <functional>
#include <memory>

#include "base/ids.h"
#include "base/unique_fd.h"
#include "drm-context/driver/traits.h"
#include "drm-context/front/blob_places.h"
#include "drm-context/front/context_link.h"
#include "drm-context/native_context.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct {

class LateAnswer;

/// Passes calls on to a worker, and judges its answers: a guest may have taken the worker over.
class RemoteContext final : public NativeContext {
  public:
    /// Charges the memory of control buffers.
    using ChargeMemory = std::function<Result<HostMemory>(uint64_t bytes)>;
    RemoteContext(
        std::shared_ptr<ContextLink> link, const DriverTraits& traits,
        ChargeMemory charge_memory = [](uint64_t) { return HostMemory(); },
        transport::Shortcuts shortcuts = transport::Shortcuts::kOffered)
        : link_(std::move(link)),
          traits_(traits),
          charge_memory_(std::move(charge_memory)),
          shortcuts_(shortcuts) {}
    /// The link is watched on until all its fences are reported.
    ~RemoteContext() override { link_->quit(); }

    Status submit(std::span<const std::byte> commands) override;
    Result<BlobObject> create_blob(const BlobRequest& request) override;
    Result<BlobMapSource> map_source(ResourceId res_id, uint64_t size) override;
    Result<UniqueFd> export_blob(ResourceId res_id) override;
    Result<ImageLayout> image_layout(ResourceId res_id) override;
    void attach_resource(ResourceId res_id, SharedFd dmabuf) override;
    void detach_resource(ResourceId res_id) override;
    void create_fence(RingIndex ring_idx, FenceId fence_id) override;
    Result<UniqueFd> export_fence(FenceId fence_id) override;
    Status add_in_fence(SharedFd sync_file) override;
    int device_fd() const override;

  private:
    Result<BlobObject> create_control_buffer(const BlobRequest& request);
    Result<BlobObject> stand_in_for(const BlobRequest& request,
                                    const std::shared_ptr<LateAnswer>& late);

    const std::shared_ptr<ContextLink> link_;
    const std::shared_ptr<BlobPlaces> places_ = std::make_shared<BlobPlaces>();
    const DriverTraits& traits_;
    const ChargeMemory charge_memory_;
    const transport::Shortcuts shortcuts_;
};

}  // namespace viaduct
