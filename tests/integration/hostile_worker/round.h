// A round of ordinary work of a guest's, which must go well whatever goes on beside it.
#pragma once

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {

inline constexpr uint64_t kRoundSpace = 0x10'0000;  // of GPU addresses, per round

/// A buffer, a submission with it, and its fence.
inline bool do_round(GuestContext& guest, uint64_t va) {
    const uint32_t res_id = guest.submit_write(guest.create_gpu_context(), 7, va);
    return res_id != 0 && guest.fence_retires(1) && guest.settle() && guest.async_error() == 0;
}

/// Another context begins, works, and ends.
inline bool start_another(Vmm& vmm, uint32_t ctx_id, const std::string& name = "another") {
    GuestContext guest(vmm, ctx_id, GuestContext::Control::kCreate, name);
    return guest.create_buffer(1 << 20) != 0 && do_round(guest, 0x8000'0000);
}

}  // namespace viaduct::test
