// MetricsServer: serves a text over a unix socket, in HTTP/1.0, on a thread of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/metrics/named_listener.h"

namespace viaduct {

struct MetricsPace {
    /// From one text to the next, at least. Bounds the thread's use of CPU time, as does the number
    /// of clients in that time.
    std::chrono::milliseconds between_texts{100};
    /// From a client's connection to its end, at most.
    std::chrono::milliseconds per_client{1000};
};

/// Slow or hostile clients delay each other, and nothing else. An answer is never older than its
/// request: a request that comes too soon after a text was made waits for the next one, which then
/// answers all requests so far.
class MetricsServer {
  public:
    using Pace = MetricsPace;
    /// At a time. Others wait in the listener's queue.
    static constexpr int kMaxClients = 8;

    /// Listens at `path` and starts the thread, which alone calls `text`. Errors: as
    /// NamedListener::open(); EMFILE; EAGAIN: there can be no further thread.
    static Result<std::unique_ptr<MetricsServer>> start(const std::string& path,
                                                        std::function<std::string()> text,
                                                        Pace pace = {});
    /// Ends the thread, which may be in `text`, and removes the socket. In a forked child both are
    /// the parent's, and stay.
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    const std::string& path() const { return listener_.path(); }

  private:
    using Clock = std::chrono::steady_clock;
    struct Client {
        UniqueFd socket;
        Clock::time_point leaves;
        std::string request;
        bool awaits_text = false;
        std::shared_ptr<const std::string> answer;  // shared by those who get the same text
        size_t sent = 0;                            // bytes of it
    };

    MetricsServer(NamedListener listener, std::function<std::string()> text, Pace pace);
    Status prepare();
    void run();
    /// False once the thread is to end.
    bool take_turn();
    int time_to_wait() const;
    bool anybody_awaits_text() const;
    void serve(int fd, uint32_t events);
    // False: it is done with.
    bool serve_client(Client& client, uint32_t events);
    bool read_request(Client& client);
    bool write_answer(Client& client);
    void answer_with_text();
    void accept_all();
    void listen_while_there_is_room();
    bool may_accept();

    const std::function<std::string()> text_;
    const Pace pace_;
    const pid_t owner_;
    NamedListener listener_;
    UniqueFd epoll_;
    UniqueFd stop_;  // eventfd

    // The thread's.
    std::list<Client> clients_;  // the oldest first
    bool listens_ = true;
    Clock::time_point rests_until_{};  // takes no client before
    Clock::time_point period_ends_{};
    int accepts_left_ = 0;  // in the period
    Clock::time_point next_text_{};

    std::thread thread_;
};

}  // namespace viaduct
