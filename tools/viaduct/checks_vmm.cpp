// The machine monitors that run now: what their command lines and limits mean for their guests.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <optional>

#include "drm-context/device/host_memory_types.h"
#include "tools/viaduct/checks.h"
#include "tools/viaduct/gpu_view.h"
#include "tools/viaduct/vmm_view.h"

namespace viaduct::tool {

namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

/// The findings of `look` for each VMM, or `otherwise` if there are none.
template <typename Look>
Findings for_each_vmm(const HostView& host, const char* otherwise, Look look) {
    Findings findings;
    for (const VmmView& vmm : running_vmms(host))
        if (std::optional<Finding> finding = look(vmm)) findings.push_back(*std::move(finding));
    if (findings.empty()) findings.push_back(ok(otherwise));
    return findings;
}

bool is_viaduct(const HostView& host, const std::string& pid, const std::string& library) {
    constexpr const char* kMarker = "Viaduct plays libvirglrenderer.so.1";
    // By our root or by the process's own: it may live in a container.
    return host.contains(library, kMarker) ||
           host.contains("/proc/" + pid + "/root" + library, kMarker);
}

/// Why a VMM may have none.
const char* without_library(VmmKind kind) {
    switch (kind) {
        case VmmKind::kCrosvm:
            return ": it was built without the feature virgl_renderer";
        case VmmKind::kLibkrun:
            return ": its libkrun was built without GPU=1";
        default:
            return " yet";
    }
}

std::string cpu_vendor(const HostView& host) {
    const std::string info = host.read("/proc/cpuinfo");
    const size_t at = info.find("vendor_id");
    if (at == std::string::npos) return {};
    const size_t value = info.find_first_not_of(" \t:", at + std::string_view("vendor_id").size());
    return value == std::string::npos ? "" : first_line(info.substr(value));
}

std::string joined(const std::vector<std::string>& arguments) {
    std::string text;
    for (const std::string& argument : arguments) text += argument + '\0';
    return text;
}

/// Of another process; empty if it is unset, or the process is another user's.
std::string variable_of(const HostView& host, const VmmView& vmm, const std::string& name) {
    const std::string environment = '\0' + host.read("/proc/" + vmm.pid + "/environ");
    const std::string entry = '\0' + name + "=";
    const size_t at = environment.find(entry);
    return at == std::string::npos ? "" : std::string(environment.c_str() + at + entry.size());
}

}  // namespace

Findings check_library(const HostView& host) {
    return for_each_vmm(
        host, "no VMM with virtio-gpu 3D runs now",
        [&](const VmmView& vmm) -> std::optional<Finding> {
            if (!vmm.readable)
                return ok(vmm.name() +
                          ": another user's; run `viaduct doctor` as root to see its "
                          "library");
            if (vmm.libraries.empty())
                return ok(fmt::format("{} has no libvirglrenderer.so.1{}", vmm.name(),
                                      without_library(vmm.kind)));
            const auto ours = std::ranges::find_if(vmm.libraries, [&](const std::string& path) {
                return is_viaduct(host, vmm.pid, path);
            });
            if (ours != vmm.libraries.end()) {
                const std::string gpu = variable_of(host, vmm, "VIADUCT_GPU");
                return ok(fmt::format("{} uses Viaduct{}: {}", vmm.name(),
                                      gpu.empty() ? "" : " with VIADUCT_GPU=" + gpu, *ours));
            }
            return warn(
                fmt::format("{} uses another virglrenderer: {}", vmm.name(), vmm.libraries.front()),
                vmm.xen_domain.empty()
                    ? "start it with LD_LIBRARY_PATH set to the directory of Viaduct's "
                      "libvirglrenderer.so.1"
                    : "install Viaduct for all programs of dom0, or let device_model_override "
                      "name a script that sets LD_LIBRARY_PATH (docs/xen.md)");
        });
}

// Where a guest's memory types are ignored Viaduct makes its system memory cached: right, but
// slower for the GPU.
Findings check_guest_pat(const HostView& host) {
    const GuestPatFacts facts{
        cpu_vendor(host), first_line(host.read("/proc/sys/kernel/osrelease")), {}, {}};
    GuestPatFacts best = facts;
    best.command_line = "-accel kvm,honor-guest-pat=on";
    const auto possible = guest_pat(best);
    if (possible.pat == GuestPat::kIgnored)
        return {warn(fmt::format("KVM ignores guests' memory types ({}): their buffers in system "
                                 "memory are cached, which is slower for the GPU",
                                 possible.reason),
                     "use Linux 6.16 or later and QEMU 11 with -accel kvm,honor-guest-pat=on")};
    if (guest_pat(facts).pat == GuestPat::kHonored)
        return {ok(fmt::format("KVM honours guests' memory types ({})", possible.reason))};
    return for_each_vmm(
        host, "Intel CPU: start QEMU 11 with -accel kvm,honor-guest-pat=on",
        [&](const VmmView& vmm) -> std::optional<Finding> {
            if (!vmm.mentions("kvm")) return std::nullopt;
            GuestPatFacts own = facts;
            own.command_line = joined(vmm.arguments);
            own.wish = variable_of(host, vmm, "VIADUCT_GUEST_PAT");
            const auto answer = guest_pat(own);
            if (answer.pat == GuestPat::kHonored)
                return ok(fmt::format("{}: KVM honours its guest's memory types ({})", vmm.name(),
                                      answer.reason));
            return warn(fmt::format("{}: KVM ignores its guest's memory types ({}): buffers in "
                                    "system memory are cached, which is slower for the GPU",
                                    vmm.name(), answer.reason),
                        "start it with -accel kvm,honor-guest-pat=on (QEMU 11)");
        });
}

// The guest's kernel maps each buffer that the CPU may see for its life (virtgpu_vram.c), so the
// window must hold the whole heap; QEMU makes it a PCI BAR, whose size is a power of two.
Findings check_hostmem(const HostView& host) {
    const auto chosen = chosen_gpu(host);
    const uint64_t heap = chosen ? chosen->gpu.heap() : 0;
    return for_each_vmm(
        host, "no VMM whose hostmem could be too small",
        [&](const VmmView& vmm) -> std::optional<Finding> {
            const uint64_t window = vmm.hostmem();
            if (!vmm.has_gpu()) return std::nullopt;
            if (window == 0)
                return bad(vmm.name() + " has no hostmem: its guest cannot map the GPU's buffers",
                           fmt::format("add hostmem={}G to its virtio-gpu device",
                                       std::bit_ceil(std::max(heap, 8 * kGib)) / kGib));
            const std::string profile = variable_of(host, vmm, "VIADUCT_PROFILE") +
                                        variable_of(host, vmm, "VIADUCT_GPU_MEMORY");
            const std::string text =
                fmt::format("{}: hostmem is {:.1f} GiB", vmm.name(), double(window) / double(kGib));
            if (heap == 0 || window >= heap) return ok(text);
            if (!profile.empty())
                return ok(text + ", and its memory has a limit (" + profile + ")");
            return warn(
                fmt::format("{}, and its guest is shown {:.1f} GiB of GPU memory: allocations "
                            "fail once the window is full",
                            text, double(heap) / double(kGib)),
                fmt::format("hostmem={}G (address space, not memory), or a limit such as "
                            "VIADUCT_GPU_MEMORY={}G",
                            std::bit_ceil(heap) / kGib, std::max(window / kGib, uint64_t{1})));
        });
}

// A buffer that a guest may share is a descriptor in the VMM, and stock Mesa makes nearly all so.
Findings check_open_files(const HostView& host) {
    constexpr uint64_t kEnough = 16384;
    constexpr std::string_view kField = "Max open files";
    return for_each_vmm(
        host, "no VMM whose limit of open files could be too low",
        [&](const VmmView& vmm) -> std::optional<Finding> {
            if (vmm.readable && vmm.libraries.empty()) return std::nullopt;
            const std::string limits = host.read("/proc/" + vmm.pid + "/limits");
            const size_t at = limits.find(kField);
            if (at == std::string::npos) return std::nullopt;
            char* end = nullptr;
            // "unlimited" reads as 0.
            const uint64_t soft = std::strtoull(limits.c_str() + at + kField.size(), &end, 10);
            const uint64_t hard = std::strtoull(end, nullptr, 10);
            const std::string text =
                fmt::format("{} may have {} files open (hard limit {})", vmm.name(),
                            soft ? std::to_string(soft) : "any number of",
                            hard ? std::to_string(hard) : "none");
            if (soft == 0 || soft >= kEnough) return ok(text);
            return warn(text + ": a guest that shares many buffers loses them beyond that",
                        "LimitNOFILE=524288 in its systemd unit, or ulimit -n 524288 before it");
        });
}

// EDK2 makes the windows of all PCI BARs uncached in the guest's MTRRs, which Linux then applies to
// cached mappings too (tianocore/edk2 pull request 13129).
Findings check_firmware(const HostView& host) {
    return for_each_vmm(
        host, "no VMM with UEFI firmware and native contexts runs now",
        [](const VmmView& vmm) -> std::optional<Finding> {
            if (!vmm.has_gpu()) return std::nullopt;
            const bool uefi = vmm.mentions("OVMF") || vmm.mentions("edk2") ||
                              vmm.mentions("if=pflash") || vmm.mentions("pflash0");
            if (!uefi) return ok(vmm.name() + " does not boot with UEFI firmware");
            return warn(vmm.name() +
                            " boots with UEFI firmware, which may make the hostmem window "
                            "uncached: slow reads in the guest",
                        "run `viaduct doctor` in the guest, or look for `uncachable` in its "
                        "/proc/mtrr; SeaBIOS (no -bios, no pflash) does not do it");
        });
}

// The guest's contexts and buffers live in the host: a reset of the device at resume ends them.
Findings check_suspend(const HostView& host) {
    return for_each_vmm(
        host, "no VMM whose guest could suspend", [](const VmmView& vmm) -> std::optional<Finding> {
            if (!vmm.has_gpu()) return std::nullopt;
            for (const char* off : {"disable_s3=1", "disable_s3=on", "disable_s3=true"})
                if (vmm.mentions(off)) return ok(vmm.name() + ": its guest cannot suspend");
            return warn(
                vmm.name() + ": a guest that suspends loses its GPU and what is drawn on it",
                "-global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=1 (i440fx: "
                "PIIX4_PM), or mask suspend.target in the guest");
        });
}

}  // namespace viaduct::tool
