// Whether guests can map the host's system memory write-combined.
#pragma once

#include <string>

namespace viaduct {

/// KVM's treatment of a guest's own memory types (its PAT) for RAM of the host.
///
/// AMD's nested paging honours them. On CPUs with VMX, KVM takes them for write-back unless the
/// VMM disables KVM_X86_QUIRK_IGNORE_GUEST_PAT (arch/x86/kvm/vmx/vmx.c, vmx_get_mt_mask; in Linux
/// 6.16, and in 6.12.78; QEMU: -accel kvm,honor-guest-pat=on). A GPU that does not snoop the CPU's
/// caches, as amdgpu for AMDGPU_GEM_CREATE_CPU_GTT_USWC, then reads old bytes. VRAM is not
/// concerned: KVM treats a BAR as MMIO, for which the guest's type counts.
enum class GuestPat { kHonored, kIgnored };

/// The facts that the answer depends on. Not visible from within the library: whether the VMM is an
/// emulator (then it makes no difference), disabled the quirk by itself, or has a VFIO device with
/// non-coherent DMA (then KVM honours the guest's types too). In all of those kIgnored costs speed
/// and nothing else.
struct GuestPatFacts {
    std::string cpu_vendor;      // CPUID leaf 0, as in "GenuineIntel"; empty: not x86
    std::string kernel_release;  // uname -r
    std::string command_line;    // the VMM's, arguments separated by NUL or spaces
    std::string wish;            // VIADUCT_GUEST_PAT: "honored", "ignored", or empty
};

struct GuestPatAnswer {
    GuestPat pat = GuestPat::kHonored;
    std::string reason;  // for people
};

GuestPatAnswer guest_pat(const GuestPatFacts& facts);

/// True if KVM of this release can be told to honour a guest's types on a CPU with VMX.
bool kernel_can_honor_guest_pat(const std::string& kernel_release);

/// Of this process, which is the VMM. /proc is read at the first call only. Thread-safe.
GuestPatFacts guest_pat_facts_here();

}  // namespace viaduct
