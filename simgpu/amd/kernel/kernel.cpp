#include "simgpu/amd/kernel/kernel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace simgpu::amdgpu {

namespace {

struct Interface {
    std::string_view name;
    int minor;
};
constexpr std::array kInterfaces = {
    Interface{"", kKmsLinux613},
    Interface{"3.59", kKmsLinux613},
    Interface{"3.64", kKmsLinux616},
};

}  // namespace

viaduct::Result<int> parse_kernel(std::string_view text) {
    const auto found = std::ranges::find(kInterfaces, text, &Interface::name);
    if (found == kInterfaces.end())
        return viaduct::fail(EINVAL, "'{}' is not an amdgpu interface: use 3.59 or 3.64", text);
    return found->minor;
}

int kms_minor() {
    const char* text = std::getenv("VIADUCT_SIMGPU_KERNEL");
    return parse_kernel(text ? text : "").value_or(kKmsLinux613);
}

}  // namespace simgpu::amdgpu
