#include "drm-context/amdgpu/marketing_name.h"

#include <cstdio>
#include <fstream>

namespace viaduct::amdgpu {

namespace {

constexpr char kTable[] = "/usr/share/libdrm/amdgpu.ids";
/// libdrm's name for a device that the table lacks.
constexpr char kUnknown[] = "AMD Radeon Graphics";

std::string trim(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

// A line: device id, revision (both hexadecimal), name; separated by commas. '#' begins a comment.
std::string marketing_name(uint32_t pci_device, uint32_t pci_revision) {
    std::ifstream table(kTable);
    for (std::string line; std::getline(table, line);) {
        uint32_t device = 0, revision = 0;
        int name_at = 0;
        if (std::sscanf(line.c_str(), "%x,%x,%n", &device, &revision, &name_at) != 2 ||
            name_at == 0)
            continue;
        if (device == pci_device && revision == pci_revision)
            return trim(line.substr(static_cast<size_t>(name_at)));
    }
    return kUnknown;
}

}  // namespace viaduct::amdgpu
