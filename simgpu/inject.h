// Injection: makes the simulated GPU misbehave on purpose, for tests of those who use it.
//
// A specification is a list of rules, separated by commas; a rule is a kind and its settings,
// separated by colons:
//
//     slow:ring=gfx:ms=50,hang:nth=3:client=vkcube,oom:bytes=64M
//
//   slow        a job takes `ms` milliseconds longer (default 100); beyond its time-out it hangs
//   hang        a job never ends; the time-out finds it
//   fault       a job ends with a VM fault
//   reset       a full reset while a job runs; `blame=guilty` (default) makes the job the cause,
//               `blame=innocent` its victim
//   oom         creating a buffer of at least `bytes` (default 0) fails
//   interrupt   an ioctl that may block is interrupted: -EINTR, or with `error=again` a submission
//               gets -EAGAIN, as for user memory that changed meanwhile
//
//   recovery=R  how the device recovers from hang, fault or reset:
//               soft  shaders are killed: the job ends with ENODATA, nobody else notices but by
//                     the device's counter of resets
//               ring  the ring is reset: jobs handed over to it end with ECANCELED
//               full  the device is reset: jobs handed over to any ring end with ECANCELED; the
//                     job's context is guilty
//               vram  the same, and VRAM is lost: no older context can submit any more
//               Without it as the chip's driver in Linux 6.13, as if a shader were to blame; for
//               amdgpu: soft on gfx and compute rings, else full, on a card with vram.
//   ring=R      only jobs on rings of this kind, as fdinfo names them: gfx, compute, dma, dec, ...
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

#include "base/result.h"

namespace simgpu {

struct InjectionRule {
    enum class Kind { kSlow, kHang, kFault, kReset, kOutOfMemory, kInterrupt };
    Kind kind = Kind::kSlow;
    std::string ring;    // empty: any
    std::string client;  // empty: any
    uint64_t nth = 0;    // 0: not limited
    uint64_t every = 0;
    uint64_t milliseconds = 100;  // kSlow
    /// kHang, kFault, kReset: what gets the GPU going again.
    enum class Recovery { kKernels, kSoft, kRing, kFull, kVram };
    Recovery recovery = Recovery::kKernels;
    bool innocent = false;  // kReset
    bool again = false;     // kInterrupt: -EAGAIN of a submission
    uint64_t bytes = 0;     // kOutOfMemory
};

/// EINVAL and one sentence for an invalid specification. An empty text is an empty list.
viaduct::Result<std::vector<InjectionRule>> parse_injection(std::string_view text);

/// Replaces the rules of this process and starts counting anew. Until first called, the rules are
/// those of $VIADUCT_SIMGPU_INJECT; File::open fails with EINVAL if that cannot be parsed.
void set_injection(std::vector<InjectionRule> rules);
/// The error of $VIADUCT_SIMGPU_INJECT, if it has one.
viaduct::Status injection_status();

/// The rule that applies to a job of `client` on a ring of this name, if any (the first that does).
std::optional<InjectionRule> inject_into_job(std::string_view ring, std::string_view client);
/// -EINTR or -EAGAIN if an ioctl of `client` shall be interrupted, else 0.
int inject_into_ioctl(bool submission, std::string_view client);
/// True if an allocation of `client` shall fail.
bool inject_into_allocation(uint64_t bytes, std::string_view client);

}  // namespace simgpu
