#include "drm-context/metrics/named_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace viaduct {

namespace {

constexpr mode_t kUserAndGroup = 0660;

// Between bind() and listen() a socket refuses connections as an abandoned one does.
constexpr int kProbes = 3;
constexpr std::chrono::milliseconds kBetweenProbes{10};

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "a socket's path must have 1 to {} bytes, not {}",
                    sizeof(address.sun_path) - 1, path.size());
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

int call(int (*function)(int, const sockaddr*, socklen_t), const UniqueFd& socket,
         const sockaddr_un& address) {
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    return function(socket.get(), generic, sizeof(address)) == 0 ? 0 : errno;
}

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool refuses(const sockaddr_un& address) {
    const UniqueFd probe = new_socket();
    return probe && call(::connect, probe, address) == ECONNREFUSED;
}

bool refuses_for_good(const sockaddr_un& address) {
    for (int probe = 0; probe < kProbes; ++probe) {
        if (probe > 0) std::this_thread::sleep_for(kBetweenProbes);
        if (!refuses(address)) return false;
    }
    return true;
}

// A VMM that was killed leaves its socket behind. Regular files refuse connections, too.
Status remove_abandoned(const std::string& path, const sockaddr_un& address) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return fail(errno, "{}", std::strerror(errno));
    if (!S_ISSOCK(info.st_mode)) return fail(EEXIST, "it exists, and is not a socket");
    if (info.st_uid != ::geteuid()) return fail(EEXIST, "it is a socket of user {}", info.st_uid);
    if (!refuses_for_good(address)) return fail(EADDRINUSE, "another process is listening there");
    if (::unlink(path.c_str()) != 0) return fail(errno, "{}", std::strerror(errno));
    return {};
}

// The kernel gives the name the mode of the unnamed socket, less the umask (unix_bind_bsd).
Status bind_to(const std::string& path, const UniqueFd& socket, const sockaddr_un& address) {
    if (::fchmod(socket.get(), kUserAndGroup) != 0) return fail(errno, "{}", std::strerror(errno));
    int error = call(::bind, socket, address);
    if (error == EADDRINUSE) {
        if (auto status = remove_abandoned(path, address); !status) return status;
        error = call(::bind, socket, address);
    }
    if (error != 0) return fail(error, "{}", std::strerror(error));
    return {};
}

}  // namespace

// By descriptor: any process that may write to the folder could have replaced the file.
Result<NamedListener::Identity> NamedListener::open_to_group(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fail(errno, "{}", std::strerror(errno));
    if (!S_ISSOCK(info.st_mode) || info.st_uid != ::geteuid())
        return fail(EEXIST, "it was replaced by another file");
    // Where there is no /proc, the umask decides.
    (void)::chmod(fmt::format("/proc/self/fd/{}", file.get()).c_str(), kUserAndGroup);
    return Identity{info.st_dev, info.st_ino};
}

Result<NamedListener> NamedListener::open(const std::string& path, int backlog) {
    const auto address = address_of(path);
    if (!address) return tl::unexpected(address.error());
    NamedListener made;
    made.path_ = path;
    made.owner_ = ::getpid();
    made.socket_ = new_socket();
    if (!made.socket_) return fail(errno, "cannot make a socket: {}", std::strerror(errno));
    // If this fails for another reason than EEXIST, so does bind().
    ::mkdir(std::filesystem::path(path).parent_path().c_str(), 0755);
    if (auto status = bind_to(path, made.socket_, *address); !status)
        return fail(status.error().code, "cannot bind {}: {}", path, status.error().message);
    const auto identity = open_to_group(path);
    if (!identity)
        return fail(identity.error().code, "cannot bind {}: {}", path, identity.error().message);
    made.identity_ = *identity;
    if (::listen(made.fd(), backlog) != 0)
        return fail(errno, "cannot listen at {}: {}", path, std::strerror(errno));
    return made;
}

NamedListener::~NamedListener() {
    struct stat info {};
    if (!socket_ || owner_ != ::getpid() || ::lstat(path_.c_str(), &info) != 0) return;
    if (Identity{info.st_dev, info.st_ino} == identity_) ::unlink(path_.c_str());
}

}  // namespace viaduct
