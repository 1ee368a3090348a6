// This machine as a guest of Viaduct's.
#include <fmt/format.h>

#include <cstdio>
#include <sstream>
#include <utility>

#include "base/kernel_version.h"
#include "tools/viaduct/checks.h"
#include "tools/viaduct/gpu_view.h"

namespace viaduct::tool {

namespace {

/// Bytes from `start`, `size` of them.
struct Range {
    uint64_t start = 0;
    uint64_t size = 0;
    bool overlaps(const Range& other) const {
        return start < other.start + other.size && other.start < start + size;
    }
};

/// The largest BAR of the PCI device behind a virtio node: the host-visible window.
Range window_of(const HostView& host, const GpuView& gpu) {
    // Below the virtio device's parent; lines of start, end and flags.
    std::istringstream lines(host.read(gpu.sysfs() + "/device/../resource"));
    Range largest;
    for (std::string line; std::getline(lines, line);) {
        unsigned long long start = 0, end = 0;
        if (std::sscanf(line.c_str(), "%llx %llx", &start, &end) == 2 && end > start &&
            end - start + 1 > largest.size)
            largest = {start, end - start + 1};
    }
    return largest;
}

/// True if a register of /proc/mtrr makes a part of the range uncached.
bool is_uncached(const HostView& host, const Range& range) {
    constexpr uint64_t kMib = uint64_t{1} << 20;
    std::istringstream lines(host.read("/proc/mtrr"));
    for (std::string line; std::getline(lines, line);) {
        // reg01: base=0x380000000000 (58720256MB), size=262144MB, count=1: uncachable
        const size_t base = line.find("base="), size = line.find("size=");
        if (line.find("uncachable") == std::string::npos || base == std::string::npos ||
            size == std::string::npos)
            continue;
        unsigned long long start = 0, amount = 0;
        char unit = 0;
        if (std::sscanf(line.c_str() + base, "base=%llx", &start) != 1 ||
            std::sscanf(line.c_str() + size, "size=%llu%cB", &amount, &unit) != 2)
            continue;
        const uint64_t bytes = amount * (unit == 'M' ? kMib : 1024);
        if (range.overlaps({start, bytes})) return true;
    }
    return false;
}

Finding check_window(const HostView& host, const GpuView& gpu) {
    const Range window = window_of(host, gpu);
    if (window.size == 0) return ok("the address of the host-visible window is unknown");
    if (!is_uncached(host, window)) return ok("the host-visible window can be cached");
    return warn(fmt::format("the firmware made the host-visible window at {:#x} uncached "
                            "(/proc/mtrr): reading the GPU's buffers is slow",
                            window.start),
                "boot the VM with SeaBIOS; Linux cannot undo what OVMF set");
}

// Linux 7.3 saves buffers before hibernation, but refuses it for devices with 3D; all older ones
// lose them (virtgpu_drv.c).
Finding check_own_suspend(const HostView& host) {
    const std::string masked = "/etc/systemd/system/suspend.target";
    if (host.link_name(masked) == "null") return ok("this guest does not suspend");
    return warn("suspending this guest ends everything that is drawn on its GPU",
                "systemctl mask sleep.target suspend.target hibernate.target hybrid-sleep.target");
}

}  // namespace

Findings check_guest(const HostView& host) {
    for (const GpuView& gpu : gpus_of(host)) {
        if (gpu.driver != "virtio-pci" && gpu.driver != "virtio_gpu") continue;
        return {ok(fmt::format("this is a guest itself: {} is virtio-gpu; `viaduct-run --check` "
                               "shows what it offers",
                               gpu.node)),
                check_window(host, gpu), check_own_suspend(host)};
    }
    return {
        ok("a guest needs Mesa with virtio back ends, or stock Mesa with "
           "LD_PRELOAD=libviaduct-guest.so")};
}

}  // namespace viaduct::tool
