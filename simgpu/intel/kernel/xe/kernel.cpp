#include "simgpu/intel/kernel/xe/kernel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace simgpu::intel::xe {

namespace {

struct Name {
    std::string_view name;
    Kernel kernel;
};
constexpr std::array kNames = {
    Name{"", Kernel::kLinux70},
    Name{"6.16", Kernel::kLinux616},
    Name{"7.0", Kernel::kLinux70},
};

}  // namespace

viaduct::Result<Kernel> parse_kernel(std::string_view text) {
    const auto found = std::ranges::find(kNames, text, &Name::name);
    if (found == kNames.end())
        return viaduct::fail(EINVAL, "'{}' is not a kernel with xe: use 6.16 or 7.0", text);
    return found->kernel;
}

Kernel kernel() {
    const char* text = std::getenv("VIADUCT_SIMGPU_KERNEL");
    return parse_kernel(text ? text : "").value_or(Kernel::kLinux70);
}

}  // namespace simgpu::intel::xe
