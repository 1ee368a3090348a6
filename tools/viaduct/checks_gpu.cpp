// The cards of this host, and the kernel's driver of them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/kernel_version.h"
#include "tools/viaduct/checks.h"
#include "tools/viaduct/gpu_view.h"

namespace viaduct::tool {

namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

bool is_simulated(const HostView& host) {
    return host.gpu.starts_with("sim:");
}

/// One finding for each card that amdgpu drives, or that there is none.
template <typename Look>
Findings for_each_amdgpu(const HostView& host, Look look) {
    Findings findings;
    for (const GpuView& gpu : gpus_of(host))
        if (gpu.driver == "amdgpu") findings.push_back(look(gpu));
    if (findings.empty()) findings.push_back(ok("no card with the amdgpu driver"));
    return findings;
}

std::string list_of(const std::vector<GpuView>& gpus) {
    std::string text;
    for (const GpuView& gpu : gpus) text += (text.empty() ? "" : ", ") + gpu.description();
    return text;
}

}  // namespace

Findings check_gpu(const HostView& host) {
    Findings findings;
    bool usable = false;
    for (const GpuView& gpu : gpus_of(host)) {
        usable = usable || gpu.supported;
        if (gpu.supported)
            findings.push_back(ok(fmt::format("{} is driven by {}", gpu.node, gpu.driver)));
        else
            findings.push_back(
                warn(fmt::format("{} is driven by {}, which has no native context here", gpu.node,
                                 gpu.driver.empty() ? "an unknown driver" : gpu.driver),
                     "guests can use it through virgl or Venus"));
    }
    if (is_simulated(host)) {
        findings.push_back(ok("VIADUCT_GPU=" + host.gpu + ": a simulated GPU"));
        usable = true;
    }
    if (!usable)
        findings.push_back(warn("no GPU that native contexts run on",
                                "use a GPU whose kernel driver is amdgpu, i915 or xe, or the "
                                "simulated one with VIADUCT_GPU=sim:renoir"));
    return findings;
}

// The numbers of render nodes may change from boot to boot; PCI addresses seldom do.
Findings check_choice(const HostView& host) {
    if (is_simulated(host)) return {ok("native contexts run on a simulated GPU")};
    const auto chosen = chosen_gpu(host);
    if (!chosen) {
        if (host.gpu.empty() || host.gpu == "auto") return {ok("no GPU to choose")};
        return {bad(chosen.error().message,
                    "set VIADUCT_GPU to a node of `viaduct doctor`'s list, "
                    "or to pci: and its address")};
    }
    auto gpus = gpus_of(host);
    std::erase_if(gpus, [](const GpuView& gpu) { return !gpu.supported; });
    if (gpus.size() < 2 || !host.gpu.empty()) {
        std::erase_if(gpus, [&](const GpuView& gpu) { return gpu.node == chosen->gpu.node; });
        return {ok(fmt::format("native contexts run on {}: {}{}", chosen->gpu.description(),
                               chosen->reason,
                               gpus.empty() ? "" : "; another process can have " + list_of(gpus)))};
    }
    return {warn(fmt::format("{} GPUs fit ({}): native contexts run on the one that draws the "
                             "VMM's display, and without a display on {}, {}",
                             gpus.size(), list_of(gpus), chosen->gpu.node, chosen->reason),
                 fmt::format("name one for both: VIADUCT_GPU=pci:{} and, in QEMU's -display, "
                             "rendernode={}",
                             chosen->gpu.address, chosen->gpu.node))};
}

Findings check_permission(const HostView& host) {
    Findings findings;
    for (const GpuView& gpu : gpus_of(host))
        findings.push_back(
            host.writable(gpu.node)
                ? ok(fmt::format("{} can be opened by this user", gpu.node))
                : bad(fmt::format("{} cannot be opened by this user", gpu.node),
                      "add the user that runs the VMM to the group render: usermod -aG render "
                      "USER"));
    if (findings.empty()) findings.push_back(ok("no render node, so no permissions to check"));
    return findings;
}

// A fault on a buffer that cannot move into the visible part ends in SIGBUS for the VMM
// (amdgpu_object.c, amdgpu_bo_fault_reserve_notify).
Findings check_bar(const HostView& host) {
    return for_each_amdgpu(host, [](const GpuView& gpu) {
        if (gpu.vram == 0) return ok(fmt::format("{}: the size of VRAM is unknown", gpu.node));
        const std::string text = fmt::format("{}: the CPU can reach {} MiB of {} MiB of VRAM",
                                             gpu.node, gpu.visible_vram / kMib, gpu.vram / kMib);
        if (gpu.visible_vram >= gpu.vram) return ok(text);
        return warn(
            text + ": guests' buffers compete for that part, and a VM stops when it is full",
            "switch on Resizable BAR and Above 4G Decoding in the firmware, or limit VMs "
            "with gpu_memory");
    });
}

// amdgpu allows runtime suspend only for cards that it can switch off (amdgpu_kms.c); other PCI
// devices stay at "on".
Findings check_power(const HostView& host) {
    const bool off = first_line(host.read("/sys/module/amdgpu/parameters/runpm")) == "0";
    return for_each_amdgpu(host, [&](const GpuView& gpu) {
        const std::string power = gpu.sysfs() + "/device/power/";
        if (off || first_line(host.read(power + "control")) != "auto")
            return ok(fmt::format("{} stays awake", gpu.node));
        const bool asleep = first_line(host.read(power + "runtime_status")) == "suspended";
        return warn(fmt::format("{} sleeps when idle{}: the first program after that waits up to 3 "
                                "seconds",
                                gpu.node, asleep ? ", and does now" : ""),
                    fmt::format("echo on > {}control, or boot with amdgpu.runpm=0", power));
    });
}

// Milliseconds for graphics, compute, copy and video rings, or one for all; 0: the driver's
// default; negative: never (amdgpu_drv.c, lockup_timeout).
Findings check_lockup(const HostView& host) {
    constexpr KernelVersion kShortDefault{7, 0, 0};
    if (!host.exists("/sys/module/amdgpu")) return {ok("amdgpu is not loaded")};
    const std::string value = first_line(host.read("/sys/module/amdgpu/parameters/lockup_timeout"));
    if (value.find('-') != std::string::npos)
        return {warn(fmt::format("amdgpu.lockup_timeout={}: a hung job is never ended, and all VMs "
                                 "wait behind it",
                                 value),
                     "boot with amdgpu.lockup_timeout=10000")};
    if (!value.empty() && value != "0")
        return {
            ok(fmt::format("a hung job holds up all VMs for amdgpu.lockup_timeout={} ms", value))};
    const auto kernel = KernelVersion::in(host.read("/proc/sys/kernel/osrelease"));
    return {ok(fmt::format("a hung job holds up all VMs for {}", kernel >= kShortDefault
                                                                     ? "2 s"
                                                                     : "10 s (compute: 60 s; "
                                                                       "amdgpu.lockup_timeout)"))};
}

}  // namespace viaduct::tool
