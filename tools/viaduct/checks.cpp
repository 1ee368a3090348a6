// The host's basics, and the table of all checks.
#include "tools/viaduct/checks.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/kernel_version.h"

namespace viaduct::tool {

namespace {

/// Releases of Linux that fail with a GPU in the host. From the first that fails to the last that
/// is known to.
struct KnownFault {
    std::string_view machine;  // uname -m; empty: any
    KernelVersion first;
    KernelVersion last;
    const char* text;
    const char* fix;
};
constexpr KnownFault kKnownFaults[] = {
    {"",
     {0, 0, 1},
     {6, 12, 999},
     "KVM does not map all of a GPU's memory into guests",
     "use Linux 6.13 or later with a real GPU"},
    // AsahiLinux/linux issues 560 and 563 (7.0.13 works, 7.1.5 fails), libkrun issue 832 (7.2.2).
    {"aarch64",
     {7, 1, 0},
     {7, 2, 2},
     "KVM stops a VM that reads a GPU's buffer before it writes it (KVM_RUN: Bad address)",
     "use Linux 7.0 or one later than 7.2.2"},
};

Findings check_kernel(const HostView& host) {
    const std::string release = first_line(host.read("/proc/sys/kernel/osrelease"));
    const std::string machine = first_line(host.read("/proc/sys/kernel/arch"));
    if (release.empty()) return {warn("the kernel's release cannot be read", "mount /proc")};
    if (is_dom0(host)) return {ok(fmt::format("kernel {}: KVM's faults are not Xen's", release))};
    const auto kernel = KernelVersion::in(release);
    Findings findings;
    for (const KnownFault& fault : kKnownFaults)
        if ((fault.machine.empty() || fault.machine == machine) && kernel >= fault.first &&
            kernel <= fault.last)
            findings.push_back(warn(fmt::format("kernel {}: {}", release, fault.text), fault.fix));
    if (findings.empty())
        findings.push_back(ok(fmt::format("kernel {}: guests can map the GPU's memory", release)));
    return findings;
}

Findings check_kvm(const HostView& host) {
    if (is_dom0(host)) return {ok("Xen runs the guests, without /dev/kvm")};
    if (!host.exists("/dev/kvm"))
        return {warn("no /dev/kvm: guests are emulated, slowly",
                     "enable virtualisation in the firmware and load kvm_amd or kvm_intel")};
    if (host.writable("/dev/kvm")) return {ok("/dev/kvm can be opened by this user")};
    return {bad("/dev/kvm cannot be opened by this user", "add the user to the group kvm")};
}

Findings check_qemu(const HostView& host) {
    const std::string program = "qemu-system-x86_64";
    const auto version = host.output_of(program + " --version");
    if (!version)
        return {
            warn(program + " is not installed", "install QEMU 11 or later, or use another VMM")};
    const std::string name = version->substr(0, version->find('\n'));
    const auto properties = host.output_of(program + " -device virtio-vga-gl,help");
    if (!properties)
        return {warn(name + ": has no virtio-vga-gl",
                     "install its modules for OpenGL (Debian: qemu-system-modules-opengl)")};
    if (properties->find("drm_native_context") != std::string::npos)
        return {ok(name + ": supports drm_native_context=on")};
    return {warn(name + ": does not support drm_native_context",
                 "use QEMU 11 or later, built against virglrenderer 1.2 or later, or the patches "
                 "in qemu-patches/")};
}

Findings check_namespaces(const HostView& host) {
    if (host.can_make_namespace())
        return {ok("user namespaces: workers have an empty root directory and no network")};
    const bool apparmor =
        host.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with('1');
    const bool forbidden = host.read("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0');
    return {
        warn(fmt::format("user namespaces are refused: workers have their system-call filter {}",
                         host.landlock > 0 ? "and Landlock only" : "only"),
             apparmor    ? "allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
             : forbidden ? "allow them: sysctl kernel.unprivileged_userns_clone=1"
                         : "allow them: sysctl user.max_user_namespaces=10000, or run "
                           "viaduct-workerd (VIADUCT_WORKER_SOCKET)")};
}

Findings check_landlock(const HostView& host) {
    if (host.landlock > 0)
        return {ok(fmt::format("Landlock {}: a second lock on files for workers", host.landlock))};
    return {
        ok("no Landlock (Linux 5.13, in the list of lsm=): workers do without its second lock "
           "on files")};
}

Findings check_worker(const HostView& host) {
    if (host.exists(VIADUCT_WORKER)) return {ok("workers start from " VIADUCT_WORKER)};
    return {warn("no " VIADUCT_WORKER
                 ": unless one lies beside the library, contexts run within the VMM",
                 "install Viaduct whole, or let VIADUCT_WORKER_PATH name viaduct-worker")};
}

// Its module's parameters bound one dma-buf: in pieces, which a guest's pages come in, and in size
// (drivers/dma-buf/udmabuf.c; defaults 1024 and 64).
Finding check_udmabuf_limits(const HostView& host) {
    constexpr long kPieces = 16384, kMib = 1024;
    const std::string parameters = "/sys/module/udmabuf/parameters/";
    const auto number = [&](const char* name) {
        return std::strtol(host.read(parameters + name).c_str(), nullptr, 10);
    };
    const long pieces = number("list_limit"), mib = number("size_limit_mb");
    if (pieces == 0 || mib == 0) return ok("the limits of udmabuf are unknown");
    const std::string text = fmt::format("a udmabuf has at most {} MiB in {} pieces", mib, pieces);
    if (pieces >= kPieces && mib >= kMib) return ok(text);
    return warn(text + ": larger guest buffers are copied",
                fmt::format("echo options udmabuf list_limit={} size_limit_mb={} > "
                            "/etc/modprobe.d/udmabuf.conf (built in: udmabuf.list_limit=... on the "
                            "kernel's command line)",
                            kPieces, kMib));
}

Findings check_udmabuf(const HostView& host) {
    if (is_dom0(host))
        return {ok("Xen's guests have foreign memory: it is copied, with or without udmabuf")};
    if (!host.exists("/dev/udmabuf"))
        return {warn("no /dev/udmabuf: guest memory is copied where it could be shared",
                     "modprobe udmabuf (CONFIG_UDMABUF)")};
    if (!host.writable("/dev/udmabuf"))
        return {
            warn("/dev/udmabuf cannot be opened by this user", "add the user to the group kvm")};
    return {ok("/dev/udmabuf can be opened by this user"), check_udmabuf_limits(host)};
}

// A VMM maps each of a guest's buffers by itself.
Findings check_mappings(const HostView& host) {
    constexpr long kEnough = 262144;
    const long most = std::strtol(host.read("/proc/sys/vm/max_map_count").c_str(), nullptr, 10);
    if (most == 0) return {warn("vm.max_map_count is unknown", "mount /proc")};
    const std::string text = fmt::format("a VMM can map {} buffers", most);
    if (most >= kEnough) return {ok(text)};
    return {warn(text + " (vm.max_map_count): a guest with more loses them",
                 "sysctl vm.max_map_count=1048576")};
}

Findings check_memory(const HostView& host) {
    constexpr long kLeastKib = 1 << 20;
    const std::string meminfo = host.read("/proc/meminfo");
    const size_t at = meminfo.find("MemAvailable:");
    if (at == std::string::npos) return {warn("free memory is unknown", "mount /proc")};
    const long kib = std::strtol(meminfo.c_str() + at + std::strlen("MemAvailable:"), nullptr, 10);
    const std::string text = fmt::format("{} MiB of memory are available", kib / 1024);
    return {kib >= kLeastKib ? ok(text) : warn(text, "guests' buffers may not fit: free some")};
}

Findings check_settings(const HostView& host) {
    const std::string error = host.settings_error();
    if (error.empty()) return {ok("profiles and environment are valid")};
    return {bad(error, "correct it: until then there are no native contexts")};
}

constexpr Check kChecks[] = {
    {"gpu", check_gpu},
    {"choice", check_choice},
    {"permission", check_permission},
    {"bar", check_bar},
    {"power", check_power},
    {"lockup", check_lockup},
    {"kernel", check_kernel},
    {"kvm", check_kvm},
    {"xen", check_xen},
    {"library", check_library},
    {"qemu", check_qemu},
    {"guest-pat", check_guest_pat},
    {"hostmem", check_hostmem},
    {"firmware", check_firmware},
    {"suspend", check_suspend},
    {"open-files", check_open_files},
    {"mappings", check_mappings},
    {"guest", check_guest},
    {"namespaces", check_namespaces},
    {"landlock", check_landlock},
    {"worker", check_worker},
    {"udmabuf", check_udmabuf},
    {"memory", check_memory},
    {"settings", check_settings},
};

}  // namespace

std::span<const Check> checks() {
    return kChecks;
}

}  // namespace viaduct::tool
