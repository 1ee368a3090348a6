// Unix sockets, as tests make them.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace viaduct::test {

/// A folder of its own, short enough for sockets, which goes with its contents.
class PrivateFolder {
  public:
    PrivateFolder() {
        char name[] = "/tmp/viaduct-test-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    PrivateFolder(const PrivateFolder&) = delete;
    PrivateFolder& operator=(const PrivateFolder&) = delete;
    ~PrivateFolder() { std::filesystem::remove_all(path_); }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    return address;
}

inline UniqueFd stream_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/// A socket that is bound, and does not listen.
inline UniqueFd bound_socket(const std::string& path) {
    UniqueFd socket = stream_socket();
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return socket;
}

/// Waits while the listener's queue is full.
inline UniqueFd connect_to(const std::string& path) {
    UniqueFd socket = stream_socket();
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return socket;
}

inline bool send_text(const UniqueFd& socket, std::string_view text) {
    return ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

/// All that comes until the other side closes.
inline std::string receive_all(const UniqueFd& socket) {
    std::string text;
    char bytes[65536];
    for (ssize_t size; (size = ::recv(socket.get(), bytes, sizeof(bytes), 0)) > 0;)
        text.append(bytes, static_cast<size_t>(size));
    return text;
}

}  // namespace viaduct::test
