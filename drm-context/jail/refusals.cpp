#include "drm-context/jail/refusals.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "base/log.h"
#include "drm-context/transport/messages.h"

namespace viaduct::jail {

namespace {

std::atomic<int> g_socket{-1};

// Refusals reported so far: call number and, for ioctl, the request. Once full, nothing is
// reported.
constexpr size_t kMaxKinds = 32;
std::atomic<uint64_t> g_reported[kMaxKinds];

struct Call {
    uint64_t number;
    uint64_t second_argument;
};

#if defined(__x86_64__)
Call refused_call(const siginfo_t& info, const ucontext_t& at) {
    return {static_cast<uint64_t>(info.si_syscall),
            static_cast<uint64_t>(at.uc_mcontext.gregs[REG_RSI])};
}
void set_result(ucontext_t& at, int64_t value) {
    at.uc_mcontext.gregs[REG_RAX] = value;
}
#elif defined(__aarch64__)
Call refused_call(const siginfo_t& info, const ucontext_t& at) {
    return {static_cast<uint64_t>(info.si_syscall), at.uc_mcontext.regs[1]};
}
void set_result(ucontext_t& at, int64_t value) {
    at.uc_mcontext.regs[0] = static_cast<uint64_t>(value);
}
#else
Call refused_call(const siginfo_t&, const ucontext_t&) {
    return {};
}
void set_result(ucontext_t&, int64_t) {}
#endif

bool first_of_its_kind(const Call& call) {
    const uint64_t request = call.number == SYS_ioctl ? call.second_argument & UINT32_MAX : 0;
    const uint64_t kind = (call.number + 1) << 32 | request;
    for (auto& place : g_reported) {
        uint64_t there = 0;
        if (place.compare_exchange_strong(there, kind)) return true;
        if (there == kind) return false;
    }
    return false;
}

// A signal handler may not call fmt.
class Line {
  public:
    explicit Line(transport::Reply& reply) : reply_(reply) {}
    void text(const char* text) {
        while (*text && at_ + 1 < sizeof(reply_.message)) reply_.message[at_++] = *text++;
    }
    void number(uint64_t value, uint64_t base) {
        char digits[24] = {};
        size_t first = sizeof(digits) - 1;
        do {
            digits[--first] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        text(digits + first);
    }

  private:
    transport::Reply& reply_;
    size_t at_ = 0;
};

void report(const Call& call) {
    transport::Reply reply{};
    reply.cookie = transport::kLogCookie;
    reply.level = static_cast<uint32_t>(LogLevel::kWarning);
    Line line(reply);
    line.text("a worker's jail refuses system call ");
    line.number(call.number, 10);
    if (call.number == SYS_ioctl) {
        line.text(" (ioctl) with request 0x");
        line.number(call.second_argument & UINT32_MAX, 16);
    }
    iovec part{&reply, sizeof(reply)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    ::sendmsg(g_socket.load(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void refuse(int, siginfo_t* info, void* context) {
    const int saved = errno;
    auto& at = *static_cast<ucontext_t*>(context);
    const Call call = refused_call(*info, at);
    if (first_of_its_kind(call)) report(call);
    set_result(at, -EPERM);
    errno = saved;
}

}  // namespace

Status report_refusals(int socket) {
    g_socket.store(socket);
    if (!kReportsRefusals) return {};
    struct sigaction action {};
    action.sa_sigaction = refuse;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (::sigaction(SIGSYS, &action, nullptr) != 0)
        return fail(errno, "SIGSYS: {}", std::strerror(errno));
    return {};
}

}  // namespace viaduct::jail
