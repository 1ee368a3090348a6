#include "tools/viaduct/fetch.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <list>
#include <optional>

#include "base/log.h"
#include "base/unique_fd.h"

namespace viaduct::tool {

namespace {

using std::chrono::steady_clock;

// While a server's queue is full, connect() fails with EAGAIN, and poll() cannot wait for room.
constexpr std::chrono::milliseconds kBetweenConnects{20};

// The body of a whole answer.
Result<std::string> body_of(const std::string& answer) {
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const size_t end = answer.find("\r\n\r\n");
    const std::string_view head = std::string_view(answer).substr(0, end);
    const bool ok = head.starts_with("HTTP/1.0 200 ") || head.starts_with("HTTP/1.1 200 ");
    if (end == std::string::npos || !ok) return fail(EPROTO, "its answer is not metrics");
    std::string body = answer.substr(end + 4);
    if (const size_t at = head.find(kLength); at != std::string_view::npos) {
        const std::string_view digits = head.substr(at + kLength.size());
        size_t size = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), size);
        if (size != body.size())
            return fail(EPROTO, "its answer ends after {} of {} bytes", body.size(), size);
    }
    return body;
}

class Question {
  public:
    explicit Question(const std::string& path) : fetched_{path, 0, {}} {
        address_.sun_family = AF_UNIX;
        socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket_)
            end_with(errno);
        else if (path.size() >= sizeof(address_.sun_path))
            end_with(ENAMETOOLONG);
        else
            std::memcpy(address_.sun_path, path.data(), path.size());
    }

    bool done() const { return !socket_; }
    bool connected() const { return connected_; }
    int fd() const { return socket_.get(); }
    Fetched take() { return std::move(fetched_); }

    void connect() {
        if (::connect(fd(), reinterpret_cast<const sockaddr*>(&address_), sizeof(address_)) != 0) {
            if (errno != EAGAIN && errno != EINTR) end_with(errno);
            return;
        }
        connected_ = true;
        ucred peer{};
        socklen_t size = sizeof(peer);
        if (::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) fetched_.pid = peer.pid;
        constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
        if (::send(fd(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) end_with(errno);
    }

    /// Reads a piece of what is there. `left`: bytes that all questions may still read.
    void read(size_t most, size_t& left) {
        char bytes[65536];
        const ssize_t size = ::recv(fd(), bytes, sizeof(bytes), 0);
        if (size < 0) {
            if (errno != EAGAIN && errno != EINTR) end_with(errno);
            return;
        }
        if (size == 0) return end_with(body_of(answer_));
        const auto count = static_cast<size_t>(size);
        if (answer_.size() + count > most || count > left)
            return end_with(
                fail(EFBIG, "its answer is too long: {} bytes or more", answer_.size() + count));
        left -= count;
        answer_.append(bytes, count);
    }

    void time_out(std::chrono::milliseconds patience) {
        end_with(fail(ETIMEDOUT, "it has not answered within {} ms", patience.count()));
    }

  private:
    void end_with(int error) { end_with(fail(error, "{}", std::strerror(error))); }
    void end_with(Result<std::string> body) {
        if (!body) body.error().message = printable(fetched_.path) + ": " + body.error().message;
        fetched_.body = std::move(body);
        answer_ = {};
        socket_.reset();
    }

    Fetched fetched_;
    sockaddr_un address_{};
    UniqueFd socket_;
    bool connected_ = false;
    std::string answer_;
};

// Waits until one of them has news.
void wait_for(const std::list<Question>& questions, std::chrono::milliseconds most) {
    std::vector<pollfd> entries;
    for (const Question& question : questions) {
        if (question.done()) continue;
        if (question.connected())
            entries.push_back({question.fd(), POLLIN, 0});
        else
            most = std::min(most, kBetweenConnects);
    }
    ::poll(entries.data(), entries.size(), static_cast<int>(most.count()));
}

}  // namespace

std::vector<Fetched> fetch(const std::vector<std::string>& paths, const FetchLimits& limits) {
    const auto deadline = steady_clock::now() + limits.patience;
    std::list<Question> questions(paths.begin(), paths.end());
    size_t left = limits.bytes_of_all;
    for (;;) {
        const auto time =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        for (Question& question : questions) {
            if (!question.done() && time.count() <= 0) question.time_out(limits.patience);
            if (!question.done() && !question.connected()) question.connect();
            if (!question.done() && question.connected()) question.read(limits.bytes_of_one, left);
        }
        if (std::ranges::all_of(questions, &Question::done)) break;
        wait_for(questions, time);
    }
    std::vector<Fetched> all;
    for (Question& question : questions) all.push_back(question.take());
    return all;
}

}  // namespace viaduct::tool
