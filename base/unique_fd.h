// UniqueFd: owns one file descriptor.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace viaduct {

/// Movable owner of a file descriptor; closes it when it goes. Not thread-safe (like any value).
class UniqueFd {
  public:
    UniqueFd() = default;
    /// Takes ownership of `fd`; a negative value means "none".
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    /// The descriptor, still owned; -1 if none.
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    explicit operator bool() const { return valid(); }
    /// Gives ownership to the caller.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) ::close(old);
    }
    /// A close-on-exec duplicate; invalid (errno set) if the table is full or this is empty.
    UniqueFd duplicate() const { return duplicate_of(fd_); }
    static UniqueFd duplicate_of(int fd) {
        return UniqueFd(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    }

  private:
    int fd_ = -1;
};

}  // namespace viaduct
