// A round of ordinary work of a guest's, which must go well whatever goes on beside it.
#pragma once

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {

inline constexpr uint64_t kRoundSpace = 0x10'0000;  // of GPU addresses, per round

/// A buffer, a submission with it, and its fence.
inline bool do_round(GuestContext& guest, uint64_t va) {
    const GpuContext gpu_context = guest.create_gpu_context();
    const bool worked = guest.submit_write(gpu_context, 7, va) != 0 &&
                        guest.fence_retires(gpu_context.ring) && guest.settle() &&
                        guest.loss_field() == 0;
    guest.driver().destroy_gpu_context(gpu_context);
    return worked;
}

/// Another context begins, works, and ends.
inline bool start_another(Vmm& vmm, uint32_t ctx_id, const std::string& name = "another") {
    GuestContext guest(vmm, ctx_id, GuestContext::Control::kCreate, name);
    return guest.create_buffer(1 << 20) != 0 && do_round(guest, 0x8000'0000);
}

}  // namespace viaduct::test
