#include "guest-mesa/run/guest_kernel.h"

#include <fmt/format.h>

#include "base/kernel_version.h"

namespace viaduct::guest {

namespace {

struct Fault {
    KernelVersion first;
    KernelVersion last;
    const char* text;
    const char* remedy;
};

// Commit df4dc947c46b makes an imported dma-buf a resource of guest memory, which no native context
// has attached; 1e3b08de6327 (2026-09-20) takes it back.
constexpr const char* kImports =
    "imports dma-bufs of other devices in a way that native contexts cannot use";
constexpr const char* kImportsRemedy =
    "update the kernel to a release of October 2026 or later, if a program that shares buffers "
    "between devices fails";

constexpr Fault kFaults[] = {
    {{0, 0, 1}, {6, 5, 999}, "has no timeline syncobjs for virtio-gpu", "use Linux 6.6 or newer"},
    {{6, 18, 32}, {6, 18, 999}, kImports, kImportsRemedy},
    {{7, 0, 10}, {7, 2, 999}, kImports, kImportsRemedy},
};

}  // namespace

std::string kernel_faults(const std::string& release) {
    const auto kernel = KernelVersion::in(release);
    std::string text;
    for (const Fault& fault : kFaults)
        if (kernel >= fault.first && kernel <= fault.last)
            text += fmt::format("  kernel {} {}\n    {}\n", release, fault.text, fault.remedy);
    return text;
}

}  // namespace viaduct::guest
