#include "drm-context/front/vm_traffic.h"

namespace viaduct {

bool VmTraffic::add_descriptor(uint32_t own) {
    if (++descriptors_ <= kMaxDescriptors || own == 0) return true;
    --descriptors_;
    return false;
}

bool VmTraffic::add_bytes(size_t bytes, size_t own) {
    if ((bytes_ += bytes) > kMaxBytes && own + bytes > kFreeBytes) {
        bytes_ -= bytes;
        return false;
    }
    if (account_) account_->add_host_memory(bytes);
    return true;
}

void VmTraffic::remove_bytes(size_t bytes) {
    bytes_ -= bytes;
    if (account_) account_->remove_host_memory(bytes);
}

Result<Booking> VmTraffic::book_descriptor() {
    return usage_ ? usage_->take_descriptors(1) : Booking();
}

}  // namespace viaduct
