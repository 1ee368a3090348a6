#include "drm-context/device/render_nodes.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

namespace viaduct {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "renderD";

// Up to 64 of each kind of node have these minors (Linux: drivers/gpu/drm/drm_drv.c,
// drm_minor_alloc). From Linux 6.12 on, more of them get numbers from 192 upwards.
constexpr unsigned kFirstMinor = 128;
constexpr unsigned kLastLegacyMinor = 191;

/// The number in "renderD128"; 0 if the name is not a render node's.
unsigned number_of(std::string_view name) {
    if (!name.starts_with(kPrefix)) return 0;
    name.remove_prefix(kPrefix.size());
    unsigned number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

std::set<unsigned> numbers_in(const std::string& directory) {
    std::set<unsigned> numbers;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error))
        if (const unsigned number = number_of(entry->path().filename().native()))
            numbers.insert(number);
    return numbers;
}

std::string name_of(std::string_view node) {
    return std::string(node.substr(node.rfind('/') + 1));
}

std::string device_of(std::string_view node, const std::string& root) {
    return root + "/sys/class/drm/" + name_of(node) + "/device";
}

/// Last part of what a symbolic link leads to.
std::string link_name(const std::string& path) {
    std::error_code error;
    return fs::read_symlink(path, error).filename();
}

}  // namespace

std::vector<std::string> render_nodes(const std::string& root) {
    auto numbers = numbers_in(root + "/dev/dri");
    // A sandbox may hide the directory, and not the nodes in it.
    if (numbers.empty()) numbers = numbers_in(root + "/sys/class/drm");
    if (numbers.empty())
        for (unsigned minor = kFirstMinor; minor <= kLastLegacyMinor; ++minor)
            numbers.insert(minor);
    std::vector<std::string> nodes;
    for (const unsigned number : numbers) {
        auto node = fmt::format("/dev/dri/{}{}", kPrefix, number);
        if (::access((root + node).c_str(), F_OK) == 0) nodes.push_back(std::move(node));
    }
    return nodes;
}

std::string pci_driver(std::string_view node, const std::string& root) {
    const auto device = device_of(node, root);
    return link_name(device + "/subsystem") == "pci" ? link_name(device + "/driver") : "";
}

std::string pci_address(std::string_view node, const std::string& root) {
    const auto device = device_of(node, root);
    return link_name(device + "/subsystem") == "pci" ? link_name(device) : "";
}

std::string render_node_of(const std::string& node, const std::string& root) {
    if (number_of(name_of(node)) != 0) return node;
    // All nodes of one GPU are listed below its device.
    const auto numbers = numbers_in(device_of(node, root) + "/drm");
    return numbers.empty() ? std::string()
                           : fmt::format("/dev/dri/{}{}", kPrefix, *numbers.begin());
}

bool same_node(const std::string& one, const std::string& other) {
    if (one == other) return true;
    struct stat first {
    }, second{};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
           S_ISCHR(first.st_mode) && S_ISCHR(second.st_mode) && first.st_rdev == second.st_rdev;
}

std::string path_of(int fd) {
    std::error_code error;
    return fs::read_symlink(fmt::format("/proc/self/fd/{}", fd), error).native();
}

}  // namespace viaduct
