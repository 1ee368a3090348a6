#include "tools/viaduct/host_view.h"

#include <linux/landlock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "renderer/settings/metrics_paths.h"
#include "renderer/settings/profiles.h"

namespace viaduct::tool {

namespace fs = std::filesystem;

namespace {

std::optional<std::string> run(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "re");
    if (!pipe) return std::nullopt;
    std::string text;
    char bytes[512];
    for (size_t size; (size = std::fread(bytes, 1, sizeof(bytes), pipe)) > 0;)
        text.append(bytes, size);
    if (::pclose(pipe) != 0 || text.empty()) return std::nullopt;
    return text;
}

bool try_namespace() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

std::string find_settings_error() {
    if (const auto budget = load_budget(process_environment); !budget)
        return budget.error().message;
    if (const auto places = metrics_places(process_environment, ::getpid(), ::geteuid()); !places)
        return places.error().message;
    return {};
}

}  // namespace

bool HostView::exists(const std::string& path) const {
    std::error_code error;
    return fs::exists(root + path, error);
}

bool HostView::writable(const std::string& path) const {
    return ::access((root + path).c_str(), R_OK | W_OK) == 0;
}

std::string HostView::read(const std::string& path) const {
    constexpr size_t kMost = 4 << 20;  // a library's text, at the longest
    std::ifstream file(root + path, std::ios::binary);
    std::string text;
    // In pieces: the kernel's settings refuse a read of megabytes (ENOMEM).
    char piece[64 << 10];
    while (text.size() < kMost && file) {
        file.read(piece, sizeof(piece));
        text.append(piece, static_cast<size_t>(file.gcount()));
    }
    return text;
}

uint64_t HostView::size(const std::string& path) const {
    std::error_code error;
    const auto size = fs::file_size(root + path, error);
    return error ? 0 : size;
}

std::string HostView::link_name(const std::string& path) const {
    std::error_code error;
    return fs::read_symlink(root + path, error).filename();
}

std::vector<std::string> HostView::list(const std::string& path) const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root + path, error))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

bool HostView::contains(const std::string& path, const std::string& text) const {
    std::ifstream file(root + path, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    return all.find(text) != std::string::npos;
}

HostView this_host() {
    const char* gpu = process_environment("VIADUCT_GPU");
    const long landlock =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return {"", run, try_namespace, find_settings_error, gpu ? gpu : "", std::max(landlock, 0L)};
}

}  // namespace viaduct::tool
