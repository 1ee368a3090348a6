// A guest's image that the host shows, and a compositor that reads it.
#pragma once

#include <memory>
#include <span>

#include "simgpu/sync/fence.h"
#include "simgpu/sync/reservation.h"
#include "tests/integration/abi/vmm.h"

namespace viaduct::test {

/// A resource as a guest's driver makes it for a screen: large enough, SHAREABLE, in an image's
/// layout, and for amdgpu one that the kernel leaves to its users (EXPLICIT_SYNC). Mapped at `va`.
/// 0 on failure.
uint32_t create_shown_image(GuestContext& guest, uint64_t va);
/// Bytes of it.
inline constexpr uint64_t kShownImageSize = 512 << 10;

/// A guest program that writes `value` to the beginning of its image, as often as it likes.
class ImageWriter {
  public:
    /// With an image of its own.
    explicit ImageWriter(GuestContext& guest);
    /// Writes to a resource of another context, which is attached already.
    ImageWriter(GuestContext& guest, uint32_t image);

    uint32_t image() const { return image_; }
    const GpuContext& context() const { return context_; }
    /// Submits the write. The id of a fence behind it; 0 on failure.
    uint64_t write(uint32_t value);
    /// The image's first word.
    uint32_t value() const { return MappedResource(image_).words()[0]; }

  private:
    static constexpr uint64_t kImageAt = 0xa000'0000, kBatchAt = 0xb000'0000;

    GuestContext& guest_;
    GpuContext context_ = guest_.create_gpu_context();
    uint32_t image_ = 0;
    uint32_t batch_ = 0;
};

/// A compositor in another process: it got the image's dma-buf from the VMM, and its GPU reads it
/// from now on, until finish() or its end.
class HostReader {
  public:
    explicit HostReader(uint32_t image);
    ~HostReader() { finish(); }
    HostReader(const HostReader&) = delete;
    HostReader& operator=(const HostReader&) = delete;

    void finish() { fence_->signal(); }

  private:
    std::shared_ptr<simgpu::drm::Reservation> reservation_;
    const simgpu::drm::FencePtr fence_ = simgpu::drm::Fence::create();
};

}  // namespace viaduct::test
