#include "guest-mesa/layer/debug.h"

#include <unistd.h>

#include <cstdlib>

namespace viaduct::guest {

bool debug_enabled() {
    static const bool enabled = [] {
        const char* value = std::getenv("VIADUCT_GUEST_DEBUG");
        return value && *value && std::string_view(value) != "0";
    }();
    return enabled;
}

void print_line(std::string_view text) {
    // One write(), so that lines of several threads and processes do not mix.
    const std::string line = fmt::format("viaduct-guest[{}]: {}\n", ::getpid(), text);
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string& IoctlNotes::current() {
    thread_local std::string line;
    return line;
}

}  // namespace viaduct::guest
