#include "guest-mesa/layer/blob_granule.h"

#include <algorithm>
#include <bit>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {

namespace {

/// 1 from a kernel before 7.2 (EINVAL) and of a device that asks for nothing (ENOENT).
uint64_t device_alignment(const Channel& channel) {
    uint32_t value = 0;
    virtgpu::GetParam param{static_cast<uint64_t>(virtgpu::Param::kBlobAlignment),
                            user_pointer(&value)};
    if (channel.ioctl(kVirtgpuGetParam, &param) < 0 || !std::has_single_bit(value)) return 1;
    return value;
}

}  // namespace

uint64_t blob_granule(const Channel& channel) {
    return std::max(channel.kernel.page_size(), device_alignment(channel));
}

}  // namespace viaduct::guest
