#include "drm-context/metrics/client_name.h"

#include <algorithm>

namespace viaduct {

namespace {

constexpr size_t kMaxName = 64;     // DRM_CLIENT_NAME_MAX_LEN
constexpr size_t kMaxProcess = 32;  // so that the VM's name always has some room

std::string printable(std::string_view text, size_t most) {
    std::string out(text.substr(0, std::min(text.find('\0'), most)));
    // isgraph() in the kernel, which knows no locale.
    std::ranges::replace_if(
        out, [](char c) { return c <= ' ' || c > '~'; }, '_');
    return out;
}

}  // namespace

std::string make_client_name(std::string_view vm, std::string_view process) {
    const std::string right = printable(process, kMaxProcess);
    const std::string left = printable(vm, kMaxName - 1 - right.size());
    if (left.empty()) return right;
    return right.empty() ? left : left + "/" + right;
}

}  // namespace viaduct
