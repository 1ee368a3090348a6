// viaduct top: what the VMs use now, live.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tools/viaduct/command.h"
#include "tools/viaduct/expositions.h"
#include "tools/viaduct/top_table.h"

namespace viaduct::tool {

namespace {

using Clock = std::chrono::steady_clock;

struct TopOptions {
    bool once = false;
    double delay = 1;  // seconds
    SortKey sort = SortKey::kGpu;
    std::string socket;
};

struct Look {
    Figures figures;
    std::vector<std::string> notes;
    Clock::time_point when;
};

Result<Look> look(const TopOptions& options) {
    auto expositions = fetch_expositions(options.socket);
    if (!expositions) return tl::unexpected(expositions.error());
    return Look{figures_of(expositions->texts), std::move(expositions->notes), Clock::now()};
}

double seconds_between(const Look& before, const Look& now) {
    const std::chrono::duration<double> time = now.when - before.when;
    return std::max(time.count(), 1e-3);
}

int run_once(const TopOptions& options) {
    const auto before = look(options);
    std::this_thread::sleep_for(std::chrono::duration<double>(options.delay));
    const auto now = look(options);
    if (!before || !now) {
        fmt::print(stderr, "viaduct top: {}\n", (before ? now : before).error().message);
        return 1;
    }
    for (const std::string& note : now->notes) fmt::print(stderr, "viaduct top: {}\n", note);
    fmt::print("{}", top_table(before->figures, now->figures, seconds_between(*before, *now),
                               options.sort, 0));
    return 0;
}

/// Keys one at a time, and the terminal as it was at the end.
class Terminal {
  public:
    Terminal() {
        ::tcgetattr(STDIN_FILENO, &saved_);
        termios raw = saved_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        fmt::print("\033[?1049h\033[?25l");  // another screen, without a cursor
    }
    ~Terminal() {
        fmt::print("\033[?25h\033[?1049l");
        std::fflush(stdout);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    size_t rows() const {
        winsize size{};
        return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row : 24;
    }
    void show(const std::string& text) const {
        fmt::print("\033[H\033[J{}", text);
        std::fflush(stdout);
    }
    /// The key that was pressed within `seconds`; 0 if none was.
    char key(double seconds) const {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        char pressed = 0;
        if (::poll(&input, 1, static_cast<int>(seconds * 1000)) <= 0) return 0;
        return ::read(STDIN_FILENO, &pressed, 1) == 1 ? pressed : 'q';
    }

  private:
    termios saved_{};
};

// The screen is for the table.
std::string first_notes(const std::vector<std::string>& notes, size_t most) {
    std::string lines;
    for (size_t i = 0; i < std::min(notes.size(), most); ++i) lines += notes[i] + "\n";
    return lines;
}

int run_live(TopOptions options) {
    Terminal terminal;
    auto before = look(options);
    for (;;) {
        switch (terminal.key(options.delay)) {
            case 'q':
                return 0;
            case 'g':
                options.sort = SortKey::kGpu;
                break;
            case 'm':
                options.sort = SortKey::kMemory;
                break;
            case 'c':
                options.sort = SortKey::kCommands;
                break;
            case 'n':
                options.sort = SortKey::kName;
                break;
            default:
                break;
        }
        auto now = look(options);
        if (!before || !now) {
            terminal.show("viaduct top: " + (before ? now : before).error().message + "\n");
        } else {
            const std::string notes = first_notes(now->notes, terminal.rows() / 4);
            const auto used = static_cast<size_t>(std::ranges::count(notes, '\n')) + 2;
            const auto table =
                top_table(before->figures, now->figures, seconds_between(*before, *now),
                          options.sort, terminal.rows() - used);
            terminal.show("sort: g GPU  m memory  c commands  n name; q quits\n" + notes + table);
        }
        before = std::move(now);
    }
}

}  // namespace

void add_top(CLI::App& app, int& status) {
    auto options = std::make_shared<TopOptions>();
    CLI::App* command = app.add_subcommand("top", "What the VMs use now, live");
    command->add_flag("--once,-b", options->once, "One table, for scripts");
    command->add_option("--delay,-d", options->delay, "Seconds between updates")
        ->check(CLI::Range(0.05, 3600.0));
    const std::map<std::string, SortKey> keys = {{"gpu", SortKey::kGpu},
                                                 {"memory", SortKey::kMemory},
                                                 {"commands", SortKey::kCommands},
                                                 {"name", SortKey::kName}};
    command->add_option("--sort,-s", options->sort, "gpu, memory, commands or name")
        ->transform(CLI::CheckedTransformer(keys));
    command->add_option("--socket", options->socket, "Only this VMM's (VIADUCT_METRICS)");
    command->callback([options, &status] {
        const bool live = !options->once && ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
        status = live ? run_live(*options) : run_once(*options);
    });
}

}  // namespace viaduct::tool
