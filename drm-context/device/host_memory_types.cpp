#include "drm-context/device/host_memory_types.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/kernel_version.h"

namespace viaduct {

namespace {

std::string cpu_vendor() {
#if defined(__x86_64__) || defined(__i386__)
    unsigned max = 0, parts[3] = {};
    if (!__get_cpuid(0, &max, &parts[0], &parts[2], &parts[1])) return {};
    char text[sizeof(parts)];
    std::memcpy(text, parts, sizeof(parts));
    return {text, sizeof(text)};
#else
    return {};
#endif
}

std::string own_command_line() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

GuestPatFacts read_facts() {
    utsname system{};
    ::uname(&system);
    return {cpu_vendor(), system.release, own_command_line(), {}};
}

std::vector<std::string_view> arguments_of(std::string_view command_line) {
    constexpr std::string_view kSeparators("\0 ", 2);
    std::vector<std::string_view> arguments;
    for (size_t at = 0; at < command_line.size();) {
        const size_t end =
            std::min(command_line.find_first_of(kSeparators, at), command_line.size());
        if (end > at) arguments.push_back(command_line.substr(at, end - at));
        at = end + 1;
    }
    return arguments;
}

/// QEMU takes the first -accel that works, here the first for KVM: one that follows it, as a person
/// may add behind libvirt's, changes nothing.
bool honors_on_request(std::string_view command_line) {
    const auto arguments = arguments_of(command_line);
    for (size_t i = 0; i + 1 < arguments.size(); ++i) {
        if (arguments[i] != "-accel" && arguments[i] != "--accel") continue;
        std::string_view value = arguments[i + 1];
        if (value.starts_with("accel=")) value.remove_prefix(std::string_view("accel=").size());
        if (value == "kvm" || value.starts_with("kvm,"))
            return value.find(",honor-guest-pat=on") != std::string_view::npos;
    }
    return false;
}

}  // namespace

bool kernel_can_honor_guest_pat(const std::string& kernel_release) {
    const auto kernel = KernelVersion::in(kernel_release);
    return kernel >= KernelVersion{6, 16, 0} ||
           (kernel >= KernelVersion{6, 12, 78} && kernel < KernelVersion{6, 13, 0});
}

GuestPatAnswer guest_pat(const GuestPatFacts& facts) {
    if (facts.wish == "honored") return {GuestPat::kHonored, "VIADUCT_GUEST_PAT=honored"};
    if (facts.wish == "ignored") return {GuestPat::kIgnored, "VIADUCT_GUEST_PAT=ignored"};
    if (facts.cpu_vendor.empty()) return {GuestPat::kHonored, "not an x86 CPU"};
    // Both have SVM; all other vendors' CPUs that KVM runs on have VMX.
    if (facts.cpu_vendor == "AuthenticAMD" || facts.cpu_vendor == "HygonGenuine")
        return {GuestPat::kHonored, facts.cpu_vendor + " CPU"};
    if (!kernel_can_honor_guest_pat(facts.kernel_release))
        return {GuestPat::kIgnored,
                fmt::format("{} CPU and Linux {}", facts.cpu_vendor, facts.kernel_release)};
    if (!honors_on_request(facts.command_line))
        return {GuestPat::kIgnored,
                fmt::format("{} CPU and no honor-guest-pat=on", facts.cpu_vendor)};
    return {GuestPat::kHonored, "honor-guest-pat=on"};
}

GuestPatFacts guest_pat_facts_here() {
    static const GuestPatFacts unchanging = read_facts();
    GuestPatFacts facts = unchanging;
    if (const char* wish = ::secure_getenv("VIADUCT_GUEST_PAT")) facts.wish = wish;
    return facts;
}

}  // namespace viaduct
