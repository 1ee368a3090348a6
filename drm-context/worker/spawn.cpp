// Starting viaduct-worker from within a virtual machine monitor: many threads, its own children,
// its own signal handlers.
#include <dlfcn.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/zygote_link.h"

namespace viaduct {

namespace {

// The zygote's end of the connection, there.
constexpr int kZygoteSocket = 3;

// Beside the library, as a VMM's private copy of both may lie; where our own build has it, seen
// from the library; where it is installed.
constexpr const char* kBesideLibrary[] = {"viaduct-worker", "../drm-context/worker/viaduct-worker"};
constexpr const char* kInstalled = VIADUCT_LIBEXECDIR "/viaduct-worker";

std::string library_directory() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&library_directory), &info) == 0 || !info.dli_fname)
        return {};
    const std::string path = info.dli_fname;
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// An empty environment; but the sanitizers' run-time library takes its options from there, and is
// preloaded on a host that has none (a test's Debian tree).
std::vector<char*> worker_environment() {
    std::vector<char*> variables;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    for (char** entry = environ; entry && *entry; ++entry)
        if (std::strstr(*entry, "SAN_OPTIONS=") || std::strstr(*entry, "LD_PRELOAD="))
            variables.push_back(*entry);
#endif
    variables.push_back(nullptr);
    return variables;
}

// The actions of posix_spawn in the child.
class SpawnPlan {
  public:
    explicit SpawnPlan(int socket) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_adddup2(&actions_, socket, kZygoteSocket);
        ::posix_spawnattr_init(&attributes_);
        // The VMM's blocked and ignored signals are not the worker's.
        sigset_t signals;
        ::sigemptyset(&signals);
        ::posix_spawnattr_setsigmask(&attributes_, &signals);
        ::sigfillset(&signals);
        ::posix_spawnattr_setsigdefault(&attributes_, &signals);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    const posix_spawn_file_actions_t* actions() const { return &actions_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

}  // namespace

Result<std::string> find_worker_program() {
    if (const char* wish = ::secure_getenv("VIADUCT_WORKER_PATH"); wish && *wish)
        return std::string(wish);
    if (const std::string directory = library_directory(); !directory.empty())
        for (const char* place : kBesideLibrary)
            if (const std::string path = directory + place; ::access(path.c_str(), F_OK) == 0)
                return path;
    if (::access(kInstalled, F_OK) == 0) return std::string(kInstalled);
    return fail(ENOENT, "viaduct-worker is neither beside the library nor at {}", kInstalled);
}

Result<UniqueFd> spawn_zygote() {
    const auto path = find_worker_program();
    if (!path) return tl::unexpected(path.error());
    auto sockets = transport::create_control_sockets();
    if (!sockets) return tl::unexpected(sockets.error());
    // dup2 onto itself would leave close-on-exec set.
    if (sockets->second.get() == kZygoteSocket) sockets->second = sockets->second.duplicate();

    const SpawnPlan plan(sockets->second.get());
    char name[] = "viaduct-worker", detach[] = "--detach";
    char* arguments[] = {name, detach, nullptr};
    pid_t child = -1;
    const int error = ::posix_spawn(&child, path->c_str(), plan.actions(), plan.attributes(),
                                    arguments, worker_environment().data());
    if (error != 0) return fail(error, "cannot start {}: {}", *path, std::strerror(error));
    // It forks and ends at once: the zygote has no parent here. A VMM that reaps all children
    // itself may have been faster (ECHILD).
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::move(sockets->first);
}

}  // namespace viaduct
