#include "simgpu/log.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"

namespace simgpu {

namespace {

struct Sink {
    ForkMutex mutex;
    LogSink function VIADUCT_GUARDED_BY(mutex);
};

Sink& sink() {
    static auto* the_sink = new Sink;  // ring threads may report while the process exits
    return *the_sink;
}

}  // namespace

void set_log_sink(LogSink function) {
    const viaduct::LockGuard lock(sink().mutex);
    sink().function = std::move(function);
}

void log_line(std::string_view raw) {
    // Names come from users: they must not forge lines or talk to a terminal.
    std::string line(raw);
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
    const viaduct::LockGuard lock(sink().mutex);
    if (sink().function) return sink().function(line);
    // One write per line, so that lines of several processes do not mix.
    const std::string text = fmt::format("viaduct-simgpu: {}\n", line);
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace simgpu
