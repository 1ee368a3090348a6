// The parameters of GEM_CONTEXT_CREATE: a guest's packed list, rebuilt as the kernel's chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "drm-context/i915/engines.h"

namespace viaduct::i915 {

/// Owns the chain. Every pointer in it is ours.
class ContextParams {
  public:
    ContextParams(const Engines& engines, PriorityCeiling ceiling)
        : offered_(engines), ceiling_(ceiling) {}

    /// Checks each record before it is read. EINVAL, with the one that is wrong; EPERM: more than
    /// this VM may have; ENOENT: an engine that it is not offered.
    Status parse(std::span<const std::byte> packed);

    /// The user address of the first extension; 0: there is none. Valid as long as this object.
    uint64_t chain() const { return chain_; }
    bool recoverable() const { return recoverable_; }
    /// The id of an address space; nothing if the context gets one of its own.
    std::optional<uint64_t> vm() const { return vm_; }
    /// The engine map by index; nothing if the context has none of its own.
    const std::optional<std::vector<std::optional<QueueClass>>>& engines() const {
        return engines_;
    }

  private:
    struct Param;
    struct Rule {
        uint64_t param;
        bool has_data;  // its value is a pointer to it
        Status (ContextParams::*check)(Param& param);
    };
    static const Rule kRules[];

    Status any(Param&) { return {}; }
    Status check_bannable(Param& param);
    Status check_priority(Param& param);
    Status check_recoverable(Param& param);
    Status check_engines(Param& param);
    Status note_vm(Param& param);
    Status take(std::span<const std::byte>& packed);
    std::span<std::byte> keep(std::span<const std::byte> bytes);

    const Engines& offered_;
    const PriorityCeiling ceiling_;
    std::deque<std::vector<uint64_t>> memory_;  // 8-aligned; addresses stay
    uint64_t chain_ = 0;
    std::byte* last_ = nullptr;  // record, whose `next` is still 0
    bool recoverable_ = true;
    std::optional<uint64_t> vm_;
    std::optional<std::vector<std::optional<QueueClass>>> engines_;
};

}  // namespace viaduct::i915
