// Serves a text over a unix socket, in HTTP/1.0, without ever waiting for a reader.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "blob/result.h"
#include "blob/unique_fd.h"

namespace viaduct {

/// Driven by somebody's poll loop: serve() whenever fd() is readable. Each reader gets the text as
/// of the moment it asked; a few readers at a time, and one that does not read loses its place to
/// the next. Used by one thread.
class MetricsServer {
  public:
    /// Listens at `path`; takes the place of a socket there that nobody listens at any more.
    static Result<std::unique_ptr<MetricsServer>> listen(const std::string& path,
                                                         std::function<std::string()> text);
    /// Removes the socket.
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    const std::string& path() const { return path_; }
    /// Readable when serve() has something to do; borrowed.
    int fd() const { return epoll_.get(); }
    void serve();

  private:
    struct Client {
        UniqueFd socket;
        std::string request;
        std::string answer;  // what is left of it
    };
    using Clients = std::list<Client>;

    MetricsServer(std::string path, std::function<std::string()> text)
        : path_(std::move(path)), text_(std::move(text)) {}
    Status open();
    void accept_all();
    void serve_client(Clients::iterator client);
    bool read_request(Client& client);
    bool write_answer(Client& client);

    const std::string path_;
    const std::function<std::string()> text_;
    UniqueFd epoll_;
    UniqueFd listener_;
    ino_t inode_ = 0;  // of the socket: only this one is removed
    Clients clients_;  // the oldest first
};

}  // namespace viaduct
