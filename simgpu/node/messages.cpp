#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "simgpu/node/fake_node.h"

namespace simgpu::node {

namespace {

bool debug_wanted() {
    static const bool wanted = [] {
        const char* value = ::getenv(kProduct.debug_variable);
        return value != nullptr && *value != '\0' && *value != '0';
    }();
    return wanted;
}

}  // namespace

// One write() per line: lines of several processes and threads stay whole.
void report(const std::string& line) {
    const int saved_errno = errno;
    const std::string text = std::string(kProduct.name) + ": " + line + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    errno = saved_errno;
}

void debug(const std::string& line) {
    if (debug_wanted()) report(line);
}

void complain(const std::string& line) {
    static std::atomic<bool> said{false};
    if (!said.exchange(true)) report(line);
}

}  // namespace simgpu::node
