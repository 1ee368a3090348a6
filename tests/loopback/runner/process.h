// Child processes of viaduct-loopback.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/loopback/runner/environment.h"

namespace viaduct::loopback {

/// Starts a program with `variables` over our environment. Descriptors that are not close-on-exec
/// are inherited.
Result<pid_t> start_process(const std::vector<std::string>& command, const Variables& variables);

/// Exit status as a shell reports it: 128 + the signal's number for one that was killed.
int wait_for_process(pid_t pid);

/// The server process, from our side.
struct ServerProcess {
    pid_t pid = -1;
    UniqueFd lifeline;  // closing it lets the server end with its last client
};

/// Starts the server on `listener`; returns once it accepts clients.
Result<ServerProcess> start_server(const Options& options, UniqueFd listener);

/// Lets the server end, and waits for it a while. False if it is still busy with clients then.
bool finish_server(ServerProcess server);

}  // namespace viaduct::loopback
