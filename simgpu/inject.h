// Injection: makes the simulated GPU misbehave on purpose, for tests of those who use it.
//
// A specification is a list of rules, separated by commas; a rule is a kind and its settings,
// separated by colons:
//
//     slow:ring=gfx:ms=50,hang:nth=3:client=vkcube,oom:bytes=64M
//
//   slow        a job takes `ms` milliseconds longer (default 100)
//   hang        a job never ends; the watchdog finds it
//   fault       a job ends with a VM fault
//   reset       the device is reset while a job runs; `blame=guilty` (default) makes the job the
//               cause, `blame=innocent` its victim; other jobs that run at that moment are victims
//   oom         creating a buffer of at least `bytes` (default 0) fails
//
//   ring=R      only jobs on gfx, compute or dma rings (not for oom)
//   client=NAME only clients of this name (set by DRM_IOCTL_SET_CLIENT_NAME, else the process's);
//               "VM/NAME" is one too
//   nth=N       only the Nth that matches the rest, counted per process from 1
//   every=N     each Nth that matches the rest
//
// Numbers of bytes may end in K, M or G. Without `nth` and `every` a rule always applies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blob/result.h"

namespace simgpu {

struct InjectionRule {
    enum class Kind { kSlow, kHang, kFault, kReset, kOutOfMemory };
    Kind kind = Kind::kSlow;
    std::string ring;    // empty: any
    std::string client;  // empty: any
    uint64_t nth = 0;    // 0: not limited
    uint64_t every = 0;
    uint64_t milliseconds = 100;  // kSlow
    bool innocent = false;        // kReset
    uint64_t bytes = 0;           // kOutOfMemory
};

/// EINVAL and one sentence for a text that is no specification. An empty text is an empty list.
viaduct::Result<std::vector<InjectionRule>> parse_injection(std::string_view text);

/// Replaces the rules of this process and starts counting anew. Until first called, the rules are
/// those of $VIADUCT_SIMGPU_INJECT; File::open fails with EINVAL if that cannot be parsed.
void set_injection(std::vector<InjectionRule> rules);
/// The error of $VIADUCT_SIMGPU_INJECT, if it has one.
viaduct::Status injection_status();

/// The rule that applies to a job of `client` on a ring of this name, if any (the first that does).
std::optional<InjectionRule> inject_into_job(std::string_view ring, std::string_view client);
/// True if an allocation of `client` shall fail.
bool inject_into_allocation(uint64_t bytes, std::string_view client);

}  // namespace simgpu
