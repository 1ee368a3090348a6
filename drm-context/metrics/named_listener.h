// NamedListener: a unix socket that listens at a path of its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct {

/// Movable owner of a listening, non-blocking stream socket and of its name in the file system,
/// which goes with it.
class NamedListener {
  public:
    /// Makes the last folder of `path` if it is missing. The socket's mode is 0660, from the first
    /// moment on. A socket that this user's process left behind when it was killed gives way.
    /// EADDRINUSE: somebody listens at `path`. EEXIST: there is something other than a socket of
    /// this user. ENAMETOOLONG: sockaddr_un has no room for it. Else bind(2)'s errors.
    static Result<NamedListener> open(const std::string& path, int backlog);

    NamedListener() = default;
    NamedListener(NamedListener&& other) noexcept = default;
    NamedListener& operator=(NamedListener&& other) noexcept = delete;
    NamedListener(const NamedListener&) = delete;
    NamedListener& operator=(const NamedListener&) = delete;
    /// Removes the name, if it still leads here and this is the process that made it.
    ~NamedListener();

    /// Borrowed.
    int fd() const { return socket_.get(); }
    const std::string& path() const { return path_; }

  private:
    /// Which file it is.
    struct Identity {
        dev_t device = 0;
        ino_t inode = 0;
        bool operator==(const Identity&) const = default;
    };
    static Result<Identity> open_to_group(const std::string& path);

    std::string path_;
    UniqueFd socket_;
    Identity identity_;
    pid_t owner_ = 0;
};

}  // namespace viaduct
