#include "tools/viaduct/vmm_view.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

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

std::vector<VmmView> running_vmms(const HostView& host) {
    std::vector<VmmView> vmms;
    for (const std::string& pid : host.list("/proc")) {
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string process = "/proc/" + pid;
        VmmView vmm{pid, first_line(host.read(process + "/comm")),
                    split_at_nul(host.read(process + "/cmdline")),
                    libraries_in(host.read(process + "/maps"))};
        const bool is_qemu = vmm.program.starts_with("qemu") || vmm.program == "kvm";
        if (!vmm.libraries.empty() || (is_qemu && vmm.has_gpu())) vmms.push_back(std::move(vmm));
    }
    return vmms;
}

}  // namespace viaduct::tool
