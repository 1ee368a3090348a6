#include "tests/loopback/runner/environment.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tests/loopback/protocol.h"

namespace viaduct::loopback {

namespace fs = std::filesystem;

namespace {

constexpr const char* kOurLibrary = "renderer/libvirglrenderer.so.1";
constexpr std::string_view kSimulatedPrefix = "sim:";

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

std::string join(const std::vector<std::string>& parts, char separator) {
    std::string joined;
    for (const std::string& part : parts) {
        if (part.empty()) continue;
        if (!joined.empty()) joined += separator;
        joined += part;
    }
    return joined;
}

/// The run-time libraries of the sanitizers that we are built with: they must come first in every
/// process into which we preload something, instrumented or not.
std::string sanitizer_runtimes() {
#ifdef VIADUCT_SANITIZER_RUNTIME
    return VIADUCT_SANITIZER_RUNTIME;
#else
    return "";
#endif
}

void set_preload(Variables& variables, std::vector<std::string> libraries) {
    libraries.insert(libraries.begin(), sanitizer_runtimes());
    libraries.push_back(variable("LD_PRELOAD"));
    variables["LD_PRELOAD"] = join(libraries, ':');
}

/// Programs that are not ours keep what they have allocated until they exit, and what they do
/// between their own threads cannot be judged.
void quieten_sanitizers(Variables& variables) {
    if (sanitizer_runtimes().empty()) return;
    variables["TSAN_OPTIONS"] =
        join({variable("TSAN_OPTIONS"), "ignore_noninstrumented_modules=1"}, ':');
    variables["ASAN_OPTIONS"] = join({variable("ASAN_OPTIONS"), "detect_leaks=0"}, ':');
}

constexpr const char* kClient = "tests/loopback/libviaduct-loopback-client.so";
constexpr const char* kLayer = "guest-mesa/layer/libviaduct-guest.so";
constexpr const char* kSimulatedNode = "simgpu/libviaduct-simgpu.so";

bool is_our_library(const std::string& path) {
    std::error_code error;
    return fs::equivalent(path, build_file(kOurLibrary), error);
}

}  // namespace

std::string build_file(const std::string& relative) {
    // We are <build>/tests/loopback/viaduct-loopback.
    const fs::path self = fs::read_symlink("/proc/self/exe");
    return (self.parent_path().parent_path().parent_path() / relative).string();
}

std::string library_path(const Options& options) {
    return options.library.empty() ? build_file(kOurLibrary) : options.library;
}

Variables server_variables(const Options& options) {
    Variables variables;
    const std::string gpu = gpu_of(options);
    if (gpu.empty()) return variables;
    if (is_our_library(library_path(options))) {
        variables["VIADUCT_GPU"] = gpu;
    } else if (gpu.starts_with(kSimulatedPrefix)) {
        // Another implementation knows only render nodes.
        variables["VIADUCT_SIMGPU"] = gpu.substr(kSimulatedPrefix.size());
        set_preload(variables, {build_file(kSimulatedNode)});
    }
    return variables;
}

Variables command_variables(const Options& options, const std::vector<std::string>& sockets) {
    Variables variables;
    variables[kSocketVariable] = join(sockets, kSocketSeparator);
    // The layer talks to the node that the client offers: it comes first.
    set_preload(variables, {options.layer ? build_file(kLayer) : "", build_file(kClient)});
    quieten_sanitizers(variables);
    return variables;
}

Status check_files(const Options& options) {
    std::vector<std::string> files = {build_file(kClient)};
    if (options.layer) files.push_back(build_file(kLayer));
    if (options.library.empty())
        files.push_back(library_path(options));
    else if (gpu_of(options).starts_with(kSimulatedPrefix) && !is_our_library(options.library))
        files.push_back(build_file(kSimulatedNode));
    for (const std::string& file : files)
        if (!fs::exists(file)) return fail(ENOENT, "{} is not there: is it built?", file);
    return {};
}

}  // namespace viaduct::loopback
