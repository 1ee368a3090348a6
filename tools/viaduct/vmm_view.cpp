#include "tools/viaduct/vmm_view.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "tools/viaduct/findings.h"

namespace viaduct::tool {

namespace {

std::vector<std::string> split_at_nul(const std::string& text) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\0', at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

// Viaduct loads the system's library too.
std::vector<std::string> libraries_in(const std::string& maps) {
    constexpr std::string_view kName = "/libvirglrenderer.so";
    std::vector<std::string> paths;
    for (size_t name = maps.find(kName); name != std::string::npos;
         name = maps.find(kName, name + 1)) {
        const size_t start = maps.find('/', maps.rfind('\n', name) + 1);
        std::string path = maps.substr(start, maps.find('\n', name) - start);
        if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
    }
    return paths;
}

// devices/src/proxy.rs of crosvm: the name of its GPU's process.
constexpr std::string_view kCrosvmGpu = "pcivirtio-gpu";

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

bool is_crosvm(const VmmView& vmm) {
    return vmm.program == "crosvm" || vmm.program == kCrosvmGpu ||
           (!vmm.arguments.empty() && file_name(vmm.arguments[0]) == "crosvm");
}

bool is_libkrun(const VmmView& vmm, const std::string& maps) {
    return vmm.program == "muvm" || vmm.program == "krun" || vmm.program == "krunvm" ||
           maps.find("/libkrun.so") != std::string::npos ||
           maps.find("/libkrun-") != std::string::npos;  // its builds for SEV, EFI and others
}

VmmKind kind_of(const VmmView& vmm, const std::string& maps) {
    if (vmm.program.starts_with("qemu") || vmm.program == "kvm") return VmmKind::kQemu;
    if (is_crosvm(vmm)) return VmmKind::kCrosvm;
    return is_libkrun(vmm, maps) ? VmmKind::kLibkrun : VmmKind::kOther;
}

// xl starts a domain's device model with it.
std::string xen_domain_in(const std::vector<std::string>& arguments) {
    const auto option = std::ranges::find(arguments, "-xen-domid");
    return option == arguments.end() || option + 1 == arguments.end() ? "" : option[1];
}

std::optional<VmmView> vmm_in(const HostView& host, const std::string& pid) {
    const std::string process = "/proc/" + pid;
    const std::string maps = host.read(process + "/maps");
    VmmView vmm;
    vmm.pid = pid;
    vmm.program = first_line(host.read(process + "/comm"));
    vmm.arguments = split_at_nul(host.read(process + "/cmdline"));
    vmm.readable = !maps.empty();
    vmm.libraries = libraries_in(maps);
    vmm.kind = kind_of(vmm, maps);
    if (vmm.kind == VmmKind::kQemu) vmm.xen_domain = xen_domain_in(vmm.arguments);
    const bool has_gpu = (vmm.kind == VmmKind::kQemu && vmm.has_gpu()) ||
                         (vmm.kind == VmmKind::kCrosvm && vmm.mentions("gpu")) ||
                         vmm.kind == VmmKind::kLibkrun;
    if (vmm.libraries.empty() && !has_gpu) return std::nullopt;
    return vmm;
}

// All processes of a crosvm have its command line and have loaded the library. Its GPU's process
// uses it, and the first one if there is none: without the sandbox, or as a vhost-user device.
void leave_one_process_per_crosvm(std::vector<VmmView>& vmms) {
    std::vector<std::vector<std::string>> jailed;  // command lines
    for (const VmmView& vmm : vmms)
        if (vmm.program == kCrosvmGpu) jailed.push_back(vmm.arguments);
    std::erase_if(vmms, [&](const VmmView& vmm) {
        if (vmm.kind != VmmKind::kCrosvm || vmm.program == kCrosvmGpu) return false;
        return vmm.program != "crosvm" || std::ranges::find(jailed, vmm.arguments) != jailed.end();
    });
    for (VmmView& vmm : vmms)
        if (vmm.kind == VmmKind::kCrosvm) vmm.program = "crosvm";
}

/// A size as QEMU takes it: bytes, or with a suffix.
uint64_t size_at(const char* text) {
    char* end = nullptr;
    const uint64_t number = std::strtoull(text, &end, 10);
    const size_t power = std::string_view("BKMGT").find(
        static_cast<char>(std::toupper(static_cast<unsigned char>(*end))));
    return power == std::string_view::npos || *end == '\0' ? number : number << (10 * power);
}

}  // namespace

bool VmmView::mentions(std::string_view text) const {
    return std::ranges::any_of(arguments, [&](const std::string& argument) {
        return argument.find(text) != std::string::npos;
    });
}

uint64_t VmmView::hostmem() const {
    constexpr std::string_view kName = "hostmem";
    for (const std::string& argument : arguments) {
        const size_t name = argument.find(kName);
        if (name == std::string::npos) continue;
        // hostmem=8G, or libvirt's "hostmem":8589934592.
        const size_t digit = argument.find_first_not_of("\"=: ", name + kName.size());
        if (digit != std::string::npos) return size_at(argument.c_str() + digit);
    }
    return 0;
}

std::string VmmView::name() const {
    const std::string domain = xen_domain.empty() ? "" : ", domain " + xen_domain;
    return program + " (process " + pid + domain + ")";
}

std::vector<VmmView> running_vmms(const HostView& host) {
    std::vector<VmmView> vmms;
    for (const std::string& pid : host.list("/proc"))
        if (pid.find_first_not_of("0123456789") == std::string::npos)
            if (auto vmm = vmm_in(host, pid)) vmms.push_back(*std::move(vmm));
    leave_one_process_per_crosvm(vmms);
    return vmms;
}

}  // namespace viaduct::tool
