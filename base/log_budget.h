// LogBudget: how many lines guests may cause, all contexts together.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace viaduct {

/// For whom a line is.
struct LogAsker {
    bool reports = false;  // it is the host's own line about a guest
    /// Lines that this guest had before. It gets no more than it leaves to others, so that none of
    /// them finds the store empty for another one's sake.
    uint64_t had = 0;
};

/// A store of lines that fills up slowly. Whatever a guest does over and over, with however many
/// contexts: its host's log grows by so much a day. The last of the store are kept for what the
/// host itself has to report. Not thread-safe.
class LogBudget {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr uint64_t kMost = 2000;             // lines at once
    static constexpr uint64_t kReserve = 500;           // of these, for reports
    static constexpr std::chrono::seconds kPerLine{6};  // that fill in one

    /// Takes a line. Nothing: there is none left; else how many were refused since the last.
    std::optional<uint64_t> take(Clock::time_point now, LogAsker asker = {});

  private:
    uint64_t left_ = kMost;
    uint64_t refused_ = 0;
    Clock::time_point filled_{};
};

}  // namespace viaduct
