// KernelVersion: a Linux release as three comparable numbers.
#pragma once

#include <compare>
#include <cstdio>
#include <string>

namespace viaduct {

struct KernelVersion {
    int major = 0;
    int minor = 0;
    int patch = 0;

    auto operator<=>(const KernelVersion&) const = default;
    bool known() const { return major != 0; }

    /// From a text such as "6.12.78-amd64" or "QEMU emulator version 11.0.2": its first number
    /// begins the version. Unknown if there is none.
    static KernelVersion in(const std::string& text) {
        KernelVersion version;
        const size_t digit = text.find_first_of("0123456789");
        if (digit != std::string::npos)
            std::sscanf(text.c_str() + digit, "%d.%d.%d", &version.major, &version.minor,
                        &version.patch);
        return version;
    }
};

}  // namespace viaduct
