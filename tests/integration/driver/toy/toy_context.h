// The toy native context.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "drm-context/context/driver_context.h"
#include "tests/integration/driver/toy/wire.h"

namespace viaduct::toy {

class ToyContext final : public DriverContext {
  public:
    ToyContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account);

    Status add_rings();
    std::optional<RingIndex> ring_of_queue(uint32_t queue) const override;

    Status nop(Request& request);
    Status ioctl_simple(Request& request);
    Status get_param(Request& request);
    Status gem_create(Request& request);
    Status context_create(Request& request);
    Status execbuffer(Request& request);
    Status madvise(Request& request);
    Status queue_submit(Request& request);
    Status cpu_ring_submit(Request& request);
    Status crash(Request& request);

  protected:
    Result<uint64_t> mmap_offset(GemHandle gem_handle) override;

  private:
    /// Gives a job of `source`, a GPU context or a queue, to a ring.
    Status submit(RingIndex ring, uint32_t source, bool hangs = false);
    void note_success(uint32_t ioctl, std::span<const std::byte> argument);

    std::map<uint32_t, RingIndex> queues_;  // by id
};

const DriverTraits& traits();
Status fill_capset(Device& device, wire::CapsetDrm& capset);
Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account);

}  // namespace viaduct::toy
