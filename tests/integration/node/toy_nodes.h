// The toy device's nodes, as the programs of these tests find them.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "base/unique_fd.h"
#include "tests/integration/node/toy_uapi.h"

namespace toy {

using viaduct::UniqueFd;

std::string read_text(const std::string& path);
/// Names in a folder.
std::set<std::string> list(const std::string& path);

/// "/dev/dri/..."; "none" if there is none. The names depend on what else the machine has.
const std::string& render_node();
const std::string& card_node();
const std::string& virtio_node();

UniqueFd open_node(const std::string& path = render_node());
toy_state state_of(int fd);
bool is_toy(int fd);

inline unsigned minor_in_name(const std::string& path) {
    return static_cast<unsigned>(std::stoul(path.substr(path.find_first_of("0123456789"))));
}

/// Runs `body` in a forked child; true if it returned true.
template <typename Body>
bool in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace toy
