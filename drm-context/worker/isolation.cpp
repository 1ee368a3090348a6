#include "drm-context/worker/isolation.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "drm-context/worker/process_host.h"
#include "drm-context/worker/zygote_link.h"

namespace viaduct {

namespace {

enum class Isolation { kUnset, kProcess, kThread };

Isolation isolation_from_environment() {
    const char* text = ::secure_getenv("VIADUCT_ISOLATION");
    const std::string_view wish = text ? text : "";
    if (wish == "process") return Isolation::kProcess;
    if (wish == "thread") return Isolation::kThread;
    if (!wish.empty())
        log(LogLevel::kWarning,
            "VIADUCT_ISOLATION=\"{}\" is neither process nor thread and is ignored",
            sanitise(wish));
    return Isolation::kUnset;
}

/// The number after `field` in /proc/PID/status; -1 if it cannot be read.
long status_field(pid_t pid, std::string_view field) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(field)) return std::strtol(line.c_str() + field.size(), nullptr, 10);
    return -1;
}

/// True if this process has confined itself since it was started: then it may be killed for
/// starting another (QEMU's -sandbox on,spawn=deny). A container's filter is on its parent too.
bool has_own_seccomp_filter() {
    constexpr std::string_view kFilters = "Seccomp_filters:";  // since Linux 5.11
    const long ours = status_field(::getpid(), kFilters);
    if (ours < 0) return status_field(::getpid(), "Seccomp:") > 0;
    return ours > std::max(0L, status_field(::getppid(), kFilters));
}

/// Of a service of zygotes; empty: none was named.
std::string service_path() {
    const char* path = ::secure_getenv("VIADUCT_WORKER_SOCKET");
    return path ? path : "";
}

Status may_spawn() {
    if (!has_own_seccomp_filter()) return {};
    return fail(EPERM,
                "this process has a seccomp filter that may not allow it to start others; set "
                "VIADUCT_WORKER_SOCKET to a socket of viaduct-workerd, or set "
                "VIADUCT_ISOLATION=process if the filter allows it");
}

/// Why there can be no process, now or later.
Status can_ever_start() {
    if (!service_path().empty()) return {};
    if (auto status = may_spawn(); !status) return status;
    if (auto program = find_worker_program(); !program) return tl::unexpected(program.error());
    return {};
}

Result<UniqueFd> connect(Isolation wish) {
    if (const std::string path = service_path(); !path.empty()) return connect_to_zygote(path);
    // Once more: the VMM may have confined itself since.
    if (wish == Isolation::kUnset)
        if (auto status = may_spawn(); !status) return tl::unexpected(status.error());
    return spawn_zygote();
}

std::unique_ptr<WorkerLauncher> launch_threads_because(std::string_view reason) {
    static std::atomic<bool> logged{false};  // a guest that reboots comes here each time
    if (!logged.exchange(true))
        log(LogLevel::kWarning,
            "contexts run within this process (thread mode): {}; see docs/isolation.md", reason);
    return launch_threads();
}

}  // namespace

std::unique_ptr<WorkerLauncher> launch_workers(bool simulated, std::function<uint64_t()> losses) {
    const Isolation wish = isolation_from_environment();
    if (wish == Isolation::kThread) return launch_threads();
    if (wish == Isolation::kUnset)
        if (const auto status = can_ever_start(); !status)
            return launch_threads_because(status.error().message);
    return launch_processes(
        {.simulated = simulated, .connect = [wish] { return connect(wish); }, .losses = losses});
}

}  // namespace viaduct
