// The host as `viaduct doctor` sees it; tests replace it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace viaduct::tool {

struct HostView {
    std::string root;  // before every path; empty: the host's own tree
    /// A command's output; nothing if it fails or prints nothing.
    std::function<std::optional<std::string>(const std::string& command)> output_of;
    /// True if this user may make a user namespace.
    std::function<bool()> can_make_namespace;
    /// Empty, or what is wrong with the profiles and the environment.
    std::function<std::string()> settings_error;
    std::string gpu;    // VIADUCT_GPU
    long landlock = 0;  // version of the kernel's interface; 0: none, or switched off

    bool exists(const std::string& path) const;
    bool writable(const std::string& path) const;
    /// The first 4 MiB (a VMM has long maps); empty if it cannot be read.
    std::string read(const std::string& path) const;
    /// Size in bytes as stat() has it; 0 if there is no such file.
    uint64_t size(const std::string& path) const;
    /// Last part of what a symbolic link leads to; empty if it is none.
    std::string link_name(const std::string& path) const;
    /// Names in a directory, sorted.
    std::vector<std::string> list(const std::string& path) const;
    /// True if `text` occurs in the file.
    bool contains(const std::string& path, const std::string& text) const;
};

HostView this_host();

}  // namespace viaduct::tool
