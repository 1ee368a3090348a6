#include "simgpu/trace.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "simgpu/fork_mutex.h"
#include "simgpu/log.h"

namespace simgpu {

namespace trace_detail {
std::atomic<bool> wanted{false};
}  // namespace trace_detail

namespace {

constexpr size_t kLargePart = 1 << 20;

struct Output {
    ForkMutex mutex;
    std::function<void(std::string_view)> sink;
    int fd = -1;
    struct stat file {};
};

Output& output() {
    static auto* the_output = new Output;  // ring threads may write while the process exits
    return *the_output;
}

std::string& part() {
    static thread_local std::string the_part;
    return the_part;
}

std::string with_process_id(std::string path) {
    constexpr std::string_view kPattern = "%PID%";
    if (const size_t at = path.find(kPattern); at != std::string::npos)
        path.replace(at, kPattern.size(), std::to_string(::getpid()));
    return path;
}

/// A sentence if nothing can be written any more; else empty. A program may have closed the
/// descriptor, and opened something else under its number.
const char* obstacle(const Output& out) {
    struct stat now {};
    if (::fstat(out.fd, &now) != 0 || now.st_dev != out.file.st_dev ||
        now.st_ino != out.file.st_ino)
        return "the program has closed its descriptor";
    rlimit limit{};
    if (S_ISREG(now.st_mode) && ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur == 0)
        return "a worker's jail lets no file grow; set VIADUCT_ISOLATION=thread";
    return nullptr;
}

void write_to_file(Output& out, std::string_view text) {
    if (const char* reason = obstacle(out)) {
        log("VIADUCT_SIMGPU_TRACE: {}", reason);
        out.fd = -1;
        trace_detail::wanted = false;
        return;
    }
    while (!text.empty()) {
        const ssize_t written = ::write(out.fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text.remove_prefix(static_cast<size_t>(written));
    }
}

}  // namespace

void open_trace() {
    static std::once_flag once;
    std::call_once(once, [] {
        const char* wish = ::secure_getenv("VIADUCT_SIMGPU_TRACE");
        if (!wish || !*wish) return;
        const std::string path = with_process_id(wish);
        Output& out = output();
        const std::lock_guard lock(out.mutex);
        out.fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
        if (out.fd < 0 || ::fstat(out.fd, &out.file) != 0)
            return log("VIADUCT_SIMGPU_TRACE: cannot open {}: {}", path, std::strerror(errno));
        trace_detail::wanted = true;
    });
}

void set_trace_sink(std::function<void(std::string_view)> sink) {
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    out.sink = std::move(sink);
    trace_detail::wanted = out.sink || out.fd >= 0;
}

void trace_detail::write_line(std::string_view line) {
    std::string& text = part();
    text += line;
    text += '\n';
    if (text.size() >= kLargePart) flush_trace();
}

void flush_trace() {
    std::string& text = part();
    if (text.empty()) return;
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    std::string_view left = text;
    while (out.sink && !left.empty()) {
        const size_t end = left.find('\n');
        out.sink(left.substr(0, end));
        left.remove_prefix(end + 1);
    }
    if (out.fd >= 0) write_to_file(out, text);
    text.clear();
}

}  // namespace simgpu
