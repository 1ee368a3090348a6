// Output of VIADUCT_GUEST_DEBUG=1: one line per ioctl, on standard error.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace viaduct::guest {

/// True when VIADUCT_GUEST_DEBUG asks for lines. Read once.
bool debug_enabled();

/// One line with our prefix; for events worth a word whether or not debugging is on.
void print_line(std::string_view text);

/// Collects what a handler wants to say about the ioctl that the calling thread is executing.
class IoctlNotes {
  public:
    /// Appends " text" to the line of the current ioctl. Costs nothing when debugging is off.
    template <typename... Args>
    static void add(fmt::format_string<Args...> text, Args&&... args) {
        if (!debug_enabled()) return;
        std::string& line = current();
        line += ' ';
        fmt::format_to(std::back_inserter(line), text, std::forward<Args>(args)...);
    }
    /// Takes the collected words.
    static std::string take() { return std::exchange(current(), {}); }

  private:
    static std::string& current();
};

}  // namespace viaduct::guest
