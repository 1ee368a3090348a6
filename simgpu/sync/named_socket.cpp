#include "simgpu/sync/named_socket.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>

namespace simgpu::drm {

namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

// An abstract address (unix(7)) begins with a NUL byte and leaves nothing in the file system.
std::string prefix_of(std::string_view kind) {
    return std::string(1, '\0') + fmt::format("viaduct-simgpu/{}/", kind);
}

}  // namespace

NamedSocketPair make_named_socket_pair(std::string_view kind) {
    NamedSocketPair pair;
    if (::getrandom(&pair.id, sizeof(pair.id), 0) != sizeof(pair.id)) return {};
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
    pair.inner.reset(ends[0]);
    pair.outer.reset(ends[1]);
    const std::string path = prefix_of(kind) + fmt::format("{:016x}", pair.id);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(pair.outer.get(), reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(kPathOffset + path.size())) != 0)
        return {};
    return pair;
}

std::optional<uint64_t> named_socket_id(int fd, std::string_view kind) {
    sockaddr_un address{};
    socklen_t length = sizeof(address);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
    if (address.sun_family != AF_UNIX || length <= kPathOffset || length > sizeof(address))
        return {};
    const std::string_view path(address.sun_path, length - kPathOffset);
    const std::string prefix = prefix_of(kind);
    if (path.size() != prefix.size() + 16 || !path.starts_with(prefix)) return {};
    uint64_t id = 0;
    const char* end = path.data() + path.size();
    const auto parsed = std::from_chars(path.data() + prefix.size(), end, id, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return {};
    return id;
}

}  // namespace simgpu::drm
