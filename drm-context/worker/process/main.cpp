// viaduct-worker: the zygote, and by forking the workers. Its connection to the front is descriptor
// 3: from the library, which starts it with --detach, or from systemd (Accept=yes,
// sd_listen_fds(3)).
#include <fcntl.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "drm-context/device/fdinfo_file.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/jail/namespaces.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/process/zygote.h"
#include "drm-context/worker/zygote_messages.h"

namespace viaduct {

namespace {

constexpr int kFrontSocket = 3;
constexpr std::chrono::seconds kHelloTime{10};

enum class Start { kDetached, kByService };

// Leaves no child behind: see spawn_zygote(). A process group of its own keeps Ctrl-C away. A
// session of its own would be a group of the scheduler, too (sched(7), autogroups), in which the
// worker of a calm guest would get its share only from the busy ones.
void detach() {
    if (::fork() != 0) ::_exit(0);
    ::setpgid(0, 0);
}

// Nothing but the connection stays open; the sanitizers keep a place for their complaints.
void close_descriptors() {
    ::close_range(kFrontSocket + 1, ~0u, 0);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ::dup2(null, STDERR_FILENO);
#endif
    if (null > kFrontSocket) ::close(null);
}

// "NAME=value" after "NAME=value", up to an empty one.
void set_environment(const zygote::Hello& hello) {
    std::string_view rest(hello.environment, sizeof(hello.environment));
    while (!rest.empty() && rest.front() != '\0') {
        const std::string entry(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
        if (const size_t equals = entry.find('='); equals != std::string::npos)
            ::setenv(entry.substr(0, equals).c_str(), entry.c_str() + equals + 1, 1);
    }
}

Status check_version(const zygote::Hello& hello) {
    if (hello.version == zygote::kVersion && hello.build == sizeof(zygote::Request)) return {};
    return fail(EPROTO, "its version differs from the library's");
}

void answer_hello(int front, int error, std::string_view message) {
    zygote::HelloReply reply;
    reply.error = error;
    std::memcpy(reply.message, message.data(), std::min(message.size(), sizeof(reply.message) - 1));
    (void)transport::send_message(front, std::as_bytes(std::span(&reply, 1)), -1);
}

// Goes on in the first process of the new pid namespace: when it ends, however it ends, the kernel
// ends all the others. A service manager wants to see its own child live as long.
void become_first_process(Start how) {
    const pid_t child = ::fork();
    if (child == 0) return;
    if (child < 0) ::_exit(1);
    if (how == Start::kDetached) ::_exit(0);
    ::close(kFrontSocket);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int run(Start how) {
    UniqueFd front(kFrontSocket);
    ::fcntl(front.get(), F_SETFD, FD_CLOEXEC);
    zygote::Hello hello;
    const auto got =
        transport::receive_message(front.get(), std::as_writable_bytes(std::span(&hello, 1)),
                                   std::chrono::steady_clock::now() + kHelloTime);
    if (!got) return 1;
    if (const auto status = check_version(hello); !status) {
        answer_hello(front.get(), status.error().code, status.error().message);
        return 1;
    }
    set_environment(hello);
    keep_proc_directory();
    const auto namespaces = jail::enter_namespaces(hello.simulated ? jail::Reachable::kSharedMemory
                                                                   : jail::Reachable::kNothing);
    if (namespaces.new_processes) become_first_process(how);
    answer_hello(front.get(), 0, namespaces.refused);
    const auto status = Zygote(std::move(front)).run();
    // Workers cannot: their jail has no such call. Nor can a front that was killed.
    if (hello.simulated) remove_leftovers_of_simulated_devices();
    return status ? 0 : 1;
}

}  // namespace

}  // namespace viaduct

int main(int count, char** arguments) {
    if (::fcntl(viaduct::kFrontSocket, F_GETFD) < 0) {
        static constexpr std::string_view kHelp =
            "viaduct-worker is started by libvirglrenderer.so.1 or by systemd; see "
            "docs/isolation.md.\n";
        (void)!::write(STDERR_FILENO, kHelp.data(), kHelp.size());
        return EXIT_FAILURE;
    }
    auto how = viaduct::Start::kByService;
    if (count > 1 && std::strcmp(arguments[1], "--detach") == 0) {
        how = viaduct::Start::kDetached;
        viaduct::detach();
    }
    ::clearenv();
    viaduct::close_descriptors();
    // glibc's further arenas, which threads have, ask a file of /proc when they shrink.
    ::mallopt(M_ARENA_MAX, 1);
    // Not exit(): what runs there (a leak check, say) wants a file system, and the front waits.
    ::_exit(viaduct::run(how));
}
