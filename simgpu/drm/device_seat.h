// DeviceSeat: what every open file of a simulated device begins with.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/unique_fd.h"
#include "simgpu/shared/device.h"

namespace simgpu::drm {

struct DeviceSeat {
    std::shared_ptr<shared::SharedDevice> device;
    viaduct::UniqueFd stand_in;  // for OpenFile
};

/// A seat at device `instance` of a chip (empty: $VIADUCT_SIMGPU_INSTANCE, else "default"), which
/// is awake then. `limits`: of the heaps, in bytes. Error: positive errno, after a line in the log.
tl::expected<DeviceSeat, int> take_seat(std::string_view chip, const std::string& instance,
                                        const std::array<uint64_t, shared::kHeaps>& limits);

}  // namespace simgpu::drm
