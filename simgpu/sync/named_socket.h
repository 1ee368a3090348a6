// Socket pairs that other processes recognise: how simulated kernel objects travel as descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"

namespace simgpu::drm {

/// `outer` goes to the user and carries `id` in its (abstract) address; `inner` stays with the
/// maker. When every copy of one end is closed, the other end polls readable (end of file).
struct NamedSocketPair {
    viaduct::UniqueFd inner;
    viaduct::UniqueFd outer;
    uint64_t id = 0;  // random: unique on this machine

    bool valid() const { return inner.valid() && outer.valid(); }
};

/// `kind` is a short word ("syncobj"). Invalid if no descriptor is left.
NamedSocketPair make_named_socket_pair(std::string_view kind);
/// The id of the outer end `fd` if it was made with this `kind`, by whatever process.
std::optional<uint64_t> named_socket_id(int fd, std::string_view kind);

}  // namespace simgpu::drm
