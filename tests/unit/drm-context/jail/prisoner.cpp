#include "tests/unit/drm-context/jail/prisoner.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "drm-context/jail/namespaces.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"

namespace viaduct::test {

namespace {

/// The child's report to its parent, in shared memory, which stays usable in any jail.
struct Slate {
    bool jailed = false;
    int error = -1;
    char refused[512] = {};
};

void forbid_namespaces() {
    const auto context = ::seccomp_init(SCMP_ACT_ALLOW);
    ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0);
    ::seccomp_load(context);
    ::seccomp_release(context);
}

void serve_sentence(Slate& slate, jail::Gpu gpu, int socket, Host host,
                    const std::function<int()>& attempt) {
    if (host == Host::kNoNamespaces) forbid_namespaces();
    const auto& type = *find_context_type(wire::ContextType::kAmdgpu);
    const auto cell = jail::prepare(type, gpu);
    const auto namespaces = jail::enter_namespaces(jail::Reachable::kNothing);
    std::strncpy(slate.refused, namespaces.refused.c_str(), sizeof(slate.refused) - 1);
    // The next fork must not be the first process of anything: attempts may fork.
    if (!cell || !jail::close(*cell, socket)) return;
    slate.jailed = true;
    slate.error = attempt();
}

}  // namespace

Verdict try_in_jail(jail::Gpu gpu, const std::function<int()>& attempt, Host host) {
    void* shared =
        ::mmap(nullptr, sizeof(Slate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& slate = *new (shared) Slate;
    auto sockets = transport::create_control_sockets().value();
    const pid_t child = ::fork();
    if (child == 0) {
        serve_sentence(slate, gpu, sockets.second.get(), host, attempt);
        ::_exit(0);
    }
    Verdict verdict;
    ::waitpid(child, &verdict.status, 0);
    sockets.second.reset();
    transport::Reply line{};
    while (transport::receive_message(sockets.first.get(),
                                      std::as_writable_bytes(std::span(&line, 1)),
                                      std::chrono::steady_clock::now()))
        verdict.reports.emplace_back(line.message);
    verdict.jailed = slate.jailed;
    verdict.error = slate.error;
    verdict.refused = slate.refused;
    ::munmap(shared, sizeof(Slate));
    return verdict;
}

}  // namespace viaduct::test
