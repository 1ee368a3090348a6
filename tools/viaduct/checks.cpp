#include "tools/viaduct/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "drm-context/context_types.h"

namespace viaduct::tool {

namespace {

using Findings = std::vector<Finding>;

Finding ok(std::string text) {
    return {Verdict::kOk, std::move(text), {}};
}
Finding warn(std::string text, std::string fix) {
    return {Verdict::kWarn, std::move(text), std::move(fix)};
}
Finding bad(std::string text, std::string fix) {
    return {Verdict::kFail, std::move(text), std::move(fix)};
}

/// A version's first two numbers, comparable.
struct Version {
    int major = 0;
    int minor = 0;
    auto operator<=>(const Version&) const = default;
};
Version version_in(const std::string& text) {
    Version version;
    const size_t digit = text.find_first_of("0123456789");
    if (digit != std::string::npos)
        std::sscanf(text.c_str() + digit, "%d.%d", &version.major, &version.minor);
    return version;
}

std::vector<std::string> render_nodes(const HostView& host) {
    auto names = host.list("/dev/dri");
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("renderD"); });
    return names;
}

std::string driver_of(const HostView& host, const std::string& node) {
    return host.link_name("/sys/class/drm/" + node + "/device/driver");
}

bool is_supported(const std::string& driver) {
    return std::ranges::any_of(
        context_types(), [&](const ContextTypeInfo& type) { return type.kernel_driver == driver; });
}

Findings check_gpu(const HostView& host) {
    Findings findings;
    bool usable = false;
    for (const std::string& node : render_nodes(host)) {
        const std::string driver = driver_of(host, node);
        usable = usable || is_supported(driver);
        if (is_supported(driver))
            findings.push_back(ok(fmt::format("/dev/dri/{} is driven by {}", node, driver)));
        else
            findings.push_back(
                warn(fmt::format("/dev/dri/{} is driven by {}, which has no native context here",
                                 node, driver.empty() ? "an unknown driver" : driver),
                     "guests can use it through virgl or Venus"));
    }
    if (host.gpu.starts_with("sim:")) {
        findings.push_back(ok("VIADUCT_GPU=" + host.gpu + ": a simulated GPU"));
        usable = true;
    }
    if (!usable)
        findings.push_back(warn("no GPU that native contexts run on",
                                "install an AMD GPU with the kernel's amdgpu driver, or try the "
                                "simulated one with VIADUCT_GPU=sim:renoir"));
    return findings;
}

Findings check_permission(const HostView& host) {
    Findings findings;
    for (const std::string& node : render_nodes(host)) {
        const std::string path = "/dev/dri/" + node;
        findings.push_back(
            host.writable(path)
                ? ok(fmt::format("{} can be opened by this user", path))
                : bad(fmt::format("{} cannot be opened by this user", path),
                      "add the user that runs the VMM to the group render: usermod -aG render "
                      "USER"));
    }
    if (findings.empty()) findings.push_back(ok("no render node, no permission to have"));
    return findings;
}

// Linux 6.13: KVM maps pages of GPU buffers that have no reference count into a guest.
Findings check_kernel(const HostView& host) {
    constexpr Version kMapsGpuMemory{6, 13};
    std::string release = host.read("/proc/sys/kernel/osrelease");
    release.resize(std::min(release.find('\n'), release.size()));
    if (release.empty()) return {warn("the kernel's release cannot be read", "mount /proc")};
    if (version_in(release) >= kMapsGpuMemory)
        return {ok(fmt::format("kernel {}: guests can map the GPU's memory", release))};
    return {
        warn(fmt::format("kernel {}: KVM does not map all of a GPU's memory into guests", release),
             "use Linux 6.13 or later with a real GPU")};
}

Findings check_kvm(const HostView& host) {
    if (!host.exists("/dev/kvm"))
        return {warn("no /dev/kvm: guests are emulated, slowly",
                     "enable virtualisation in the firmware and load kvm_amd or kvm_intel")};
    if (host.writable("/dev/kvm")) return {ok("/dev/kvm can be opened by this user")};
    return {bad("/dev/kvm cannot be opened by this user", "add the user to the group kvm")};
}

// The libraries of that name in a process's maps. Viaduct loads the system's one too.
std::vector<std::string> libraries_of(const HostView& host, const std::string& pid) {
    constexpr std::string_view kName = "/libvirglrenderer.so";
    const std::string maps = host.read("/proc/" + pid + "/maps");
    std::vector<std::string> paths;
    for (size_t name = maps.find(kName); name != std::string::npos;
         name = maps.find(kName, name + 1)) {
        const size_t start = maps.find('/', maps.rfind('\n', name) + 1);
        std::string path = maps.substr(start, maps.find('\n', name) - start);
        if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
    }
    return paths;
}

bool is_viaduct(const HostView& host, const std::string& pid, const std::string& library) {
    constexpr const char* kMarker = "Viaduct plays libvirglrenderer.so.1";
    // By our root or by the process's own: it may live in a container.
    return host.contains(library, kMarker) ||
           host.contains("/proc/" + pid + "/root" + library, kMarker);
}

Findings check_library(const HostView& host) {
    Findings findings;
    for (const std::string& pid : host.list("/proc")) {
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto libraries = libraries_of(host, pid);
        if (libraries.empty()) continue;
        std::string program = host.read("/proc/" + pid + "/comm");
        program.resize(std::min(program.find('\n'), program.size()));
        const auto ours = std::ranges::find_if(
            libraries, [&](const std::string& path) { return is_viaduct(host, pid, path); });
        if (ours != libraries.end())
            findings.push_back(
                ok(fmt::format("{} (process {}) uses Viaduct: {}", program, pid, *ours)));
        else
            findings.push_back(
                warn(fmt::format("{} (process {}) uses another virglrenderer: {}", program, pid,
                                 libraries.front()),
                     "start it with LD_LIBRARY_PATH set to the directory of Viaduct's "
                     "libvirglrenderer.so.1"));
    }
    if (findings.empty()) findings.push_back(ok("no VMM with virtio-gpu 3D runs now"));
    return findings;
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
        return {ok(name + ": knows drm_native_context=on")};
    return {warn(name + ": does not know drm_native_context",
                 "use QEMU 11 or later, built against virglrenderer 1.2 or later, or the patches "
                 "in qemu-patches/")};
}

Findings check_guest(const HostView& host) {
    for (const std::string& node : render_nodes(host))
        if (driver_of(host, node) == "virtio-pci" || driver_of(host, node) == "virtio_gpu")
            return {ok(fmt::format("this is a guest itself: {} is virtio-gpu", node))};
    return {
        ok("a guest needs Mesa with amdgpu-virtio, or stock Mesa with "
           "LD_PRELOAD=libviaduct-guest.so")};
}

Findings check_namespaces(const HostView& host) {
    if (host.can_make_namespace())
        return {ok("user namespaces: workers have an empty root directory and no network")};
    const bool apparmor =
        host.read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with('1');
    const bool forbidden = host.read("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0');
    return {warn("user namespaces are refused: workers have their system-call filter only",
                 apparmor    ? "allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
                 : forbidden ? "allow them: sysctl kernel.unprivileged_userns_clone=1"
                             : "allow them: sysctl user.max_user_namespaces=10000, or run "
                               "viaduct-workerd (VIADUCT_WORKER_SOCKET)")};
}

Findings check_worker(const HostView& host) {
    if (host.exists(VIADUCT_WORKER)) return {ok("workers start from " VIADUCT_WORKER)};
    return {warn("no " VIADUCT_WORKER
                 ": unless one lies beside the library, contexts run within the VMM",
                 "install Viaduct whole, or let VIADUCT_WORKER_PATH name viaduct-worker")};
}

Findings check_udmabuf(const HostView& host) {
    if (!host.exists("/dev/udmabuf"))
        return {warn("no /dev/udmabuf: guest memory is copied where it could be shared",
                     "modprobe udmabuf (CONFIG_UDMABUF)")};
    if (host.writable("/dev/udmabuf")) return {ok("/dev/udmabuf can be opened by this user")};
    return {warn("/dev/udmabuf cannot be opened by this user", "add the user to the group kvm")};
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
    if (error.empty()) return {ok("profiles and environment make sense")};
    return {bad(error, "correct it: until then there are no native contexts")};
}

constexpr Check kChecks[] = {
    {"gpu", check_gpu},         {"permission", check_permission}, {"kernel", check_kernel},
    {"kvm", check_kvm},         {"library", check_library},       {"qemu", check_qemu},
    {"guest", check_guest},     {"namespaces", check_namespaces}, {"worker", check_worker},
    {"udmabuf", check_udmabuf}, {"memory", check_memory},         {"settings", check_settings},
};

}  // namespace

std::span<const Check> checks() {
    return kChecks;
}

}  // namespace viaduct::tool
