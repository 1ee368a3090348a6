#include "renderer/settings/vm_name.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

namespace viaduct {

namespace {

std::string content_of(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return parts;
}

// Of QEMU's option list: "guest=NAME,debug-threads=on", or the bare name first.
std::string name_in_options(std::string_view options) {
    constexpr std::string_view kGuest = "guest=";
    std::string_view bare;
    for (const std::string_view option : split(options, ',')) {
        if (option.starts_with(kGuest)) return std::string(option.substr(kGuest.size()));
        if (bare.empty() && option.find('=') == std::string_view::npos) bare = option;
    }
    return std::string(bare);
}

}  // namespace

std::string name_on_command_line(std::string_view cmdline) {
    constexpr std::string_view kLong = "--name=";
    const auto arguments = split(cmdline, '\0');
    for (size_t i = 1; i < arguments.size(); ++i) {
        if (arguments[i].starts_with(kLong))
            return name_in_options(arguments[i].substr(kLong.size()));
        if ((arguments[i] == "-name" || arguments[i] == "--name") && i + 1 < arguments.size())
            return name_in_options(arguments[i + 1]);
    }
    return {};
}

std::string vm_name() {
    if (const char* name = ::secure_getenv("VIADUCT_VM_NAME"); name && *name) return name;
    if (auto name = name_on_command_line(content_of("/proc/self/cmdline")); !name.empty())
        return name;
    std::string program = content_of("/proc/self/comm");
    if (!program.empty() && program.back() == '\n') program.pop_back();
    return fmt::format("{}-{}", program.empty() ? "vm" : program, ::getpid());
}

}  // namespace viaduct
