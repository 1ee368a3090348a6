// VmTraffic: what is under way from the front to all workers of one VM.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "drm-context/account/vm_account.h"
#include "drm-context/account/vm_usage.h"

namespace viaduct {

/// A guest can make any number of contexts, so what their workers have not taken yet is bounded for
/// the VM as well as for each context (Outbox). However much others have under way, a context may
/// have a little: no context can hold up the rest of the VM. Thread-safe.
class VmTraffic {
  public:
    /// Descriptors that no worker has received. The kernel counts them for each user, against
    /// RLIMIT_NOFILE: with more of them, this user's other VMs could not send any (unix(7),
    /// ETOOMANYREFS). Beyond it a context may have one.
    static constexpr uint32_t kMaxDescriptors = 32;
    /// Bytes that wait, or that a worker has not taken. Beyond it a context may have kFreeBytes.
    static constexpr size_t kMaxBytes = 64 << 20;
    static constexpr size_t kFreeBytes = 256 << 10;

    /// Either may be null: then nothing is booked there.
    VmTraffic(std::shared_ptr<VmUsage> usage, std::shared_ptr<VmAccount> account)
        : usage_(std::move(usage)), account_(std::move(account)) {}

    /// Counts a descriptor for a context that has `own` under way. False: there may be no more.
    bool add_descriptor(uint32_t own);
    void remove_descriptors(uint32_t count) { descriptors_ -= count; }

    /// The same for bytes. They are charged to the VM's memory.
    bool add_bytes(size_t bytes, size_t own);
    void remove_bytes(size_t bytes);

    /// Books a descriptor that waits in the VMM. ENOMEM.
    Result<Booking> book_descriptor();

  private:
    const std::shared_ptr<VmUsage> usage_;
    const std::shared_ptr<VmAccount> account_;
    std::atomic<uint32_t> descriptors_ = 0;
    std::atomic<size_t> bytes_ = 0;
};

}  // namespace viaduct
