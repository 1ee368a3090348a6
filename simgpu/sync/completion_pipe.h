// Pipes that other processes recognise, and whose end says what became of something: how simulated
// sync files travel as descriptors.
#pragma once

#include <cstdint>
#include <optional>

#include "base/unique_fd.h"

namespace simgpu::drm {

struct Completion {
    int status = 0;             // 0 or a negative errno
    uint64_t timestamp_ns = 0;  // CLOCK_MONOTONIC
};

/// `outer` goes to the user; `inner` stays with the maker. Once it is completed, the outer end
/// polls POLLIN; if every copy of the inner end was closed before, only POLLHUP. Both are
/// close-on-exec.
struct CompletionPipe {
    viaduct::UniqueFd inner;
    viaduct::UniqueFd outer;
    uint64_t id = 0;  // unique on this machine while the pipe exists

    bool valid() const { return inner.valid() && outer.valid(); }
};

/// Invalid if no descriptor is left.
CompletionPipe make_completion_pipe();
/// The id if `fd` is an end of such a pipe, made by whatever process.
std::optional<uint64_t> completion_pipe_id(int fd);
/// Says what became of it, for all who have the other end, and closes `inner`.
void complete(viaduct::UniqueFd inner, const Completion& completion);
/// From the outer end. Nothing while there is somebody who may complete it; -ESRCH from now if
/// nobody is left.
std::optional<Completion> completion_of(int outer);

}  // namespace simgpu::drm
