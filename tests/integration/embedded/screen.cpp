// A compositor for QEMU's -display wayland: shows a frame at each refresh, and reports every
// commit.
//
//   wayland-screen SOCKET
//
// A line on stdout for each commit with a buffer: "frame KIND WIDTH HEIGHT FOURCC INODE FIRST",
// where KIND is dmabuf or shm and FIRST the first pixel; further lines: "title TEXT", "fullscreen",
// "error TEXT" (the client was refused), "gone" (it has left). Commands on stdin, a line each:
//   rate HERTZ            refreshes; 0: none, as for a hidden window
//   refresh               one, now
//   configure W H         demands a size
//   close                 asks the window to close
//   key CODE DOWN, button CODE DOWN, pointer X Y, motion DX DY, wheel PARTS
//   touch X Y             one more finger; cancel: the compositor takes all of them
//   ticks                 answers "ticks NUMBER": refreshes so far
//   cursors               answers "cursors NUMBER shown" or "... hidden": set so often, and how now
//   picture FILE          the last frame's pixels, 32 bits each, rows without gaps; answers
//   "picture"
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <utility>

#include "blob/mapping.h"
#include "tests/support/compositor/compositor.h"
#include "tests/support/unix_sockets.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kXrgb = 0x34325258;  // drm_fourcc.h, DRM_FORMAT_XRGB8888
constexpr uint32_t kXbgr = 0x34324258;
constexpr uint64_t kUnknownLayout = 0x00ffffffffffffff;  // DRM_FORMAT_MOD_INVALID
constexpr uint64_t kLinear = 0;

CompositorOffers offers() {
    CompositorOffers all;
    all.seat = true;
    all.tranches = {
        {0x1234,
         false,
         {{kXrgb, kUnknownLayout}, {kXrgb, kLinear}, {kXbgr, kUnknownLayout}, {kXbgr, kLinear}}}};
    return all;
}

class Screen {
  public:
    explicit Screen(const std::string& path)
        : compositor_(offers()),
          timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
        compositor_.listen(bound_socket(path));
        set_rate(60);
    }

    /// Until stdin ends.
    void run() {
        say("ready");
        for (;;) {
            pollfd ready[] = {{compositor_.fd(), POLLIN, 0},
                              {timer_.get(), POLLIN, 0},
                              {STDIN_FILENO, POLLIN, 0}};
            // Commits may have come with the last turn.
            ::poll(ready, std::size(ready), compositor_.commits.empty() ? -1 : 0);
            compositor_.turn();
            look();
            uint64_t expirations = 0;
            if (::read(timer_.get(), &expirations, sizeof(expirations)) > 0) refresh();
            if (ready[2].revents && !read_commands()) return;
            compositor_.turn();
        }
    }

  private:
    static void say(const std::string& line) { std::cout << line << std::endl; }

    void set_rate(int hertz) {
        period_ = hertz > 0 ? 1'000'000'000L / hertz : 0;
        const timespec time{period_ / 1'000'000'000L, period_ % 1'000'000'000L};
        const itimerspec timer{time, time};
        ::timerfd_settime(timer_.get(), 0, &timer, nullptr);
    }

    void look() {
        if (compositor_.toplevel && !std::exchange(configured_, true)) compositor_.configure(0, 0);
        if (configured_ && !compositor_.toplevel && !std::exchange(gone_, true)) say("gone");
        if (std::exchange(title_, compositor_.title) != compositor_.title)
            say("title " + compositor_.title);
        if (!std::exchange(fullscreen_, compositor_.fullscreen) && compositor_.fullscreen)
            say("fullscreen");
        if (!compositor_.error.empty() && !std::exchange(refused_, true))
            say("error " + compositor_.error);
        for (ServerCommit& commit : std::exchange(compositor_.commits, {}))
            if (commit.attached) shown(std::move(commit));
    }

    void shown(ServerCommit commit) {
        // The buffer that is replaced is no longer read, and shared memory was copied.
        if (current_.buffer && current_.buffer != commit.buffer) release(current_);
        current_ = std::move(commit);
        if (!current_.dmabuf) compositor_.release(std::exchange(current_.buffer, nullptr));
        std::ostringstream line;
        if (const ServerBuffer* buffer = current_.dmabuf) {
            line << "frame dmabuf " << buffer->width << ' ' << buffer->height << ' '
                 << buffer->fourcc << ' ' << buffer->planes[0].file.inode << ' '
                 << pixels_of(*buffer)[0];
        } else {
            line << "frame shm " << current_.destination.size() << " 0 0 0 "
                 << (current_.pixels.empty() ? 0 : current_.pixels[0]);
        }
        say(line.str());
    }

    void release(const ServerCommit& commit) {
        if (commit.dmabuf->resource && !gone_) compositor_.release(commit.buffer);
    }

    /// The screen is refreshed: the newest frame is on it, and the next one may come.
    void refresh() {
        ++ticks_;
        if (gone_) return;
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        while (!compositor_.feedbacks.empty())
            compositor_.send_presented(static_cast<uint64_t>(now.tv_sec),
                                       static_cast<uint32_t>(now.tv_nsec),
                                       static_cast<uint32_t>(period_), 0);
        compositor_.send_frame_done();
    }

    /// Pixels of a dma-buf whose rows have no gaps; mapped once.
    const uint32_t* pixels_of(const ServerBuffer& buffer) {
        auto [found, added] = mappings_.try_emplace(&buffer);
        if (added)
            found->second = Mapping::map_read_only(
                                buffer.planes[0].memory.get(),
                                buffer.planes[0].offset + size_t{buffer.planes[0].stride} *
                                                              static_cast<size_t>(buffer.height))
                                .value();
        return reinterpret_cast<const uint32_t*>(found->second.data() + buffer.planes[0].offset);
    }

    void write_picture(const std::string& path) {
        std::ofstream file(path, std::ios::binary);
        if (const ServerBuffer* buffer = current_.dmabuf) {
            const uint32_t* pixels = pixels_of(*buffer);
            for (int32_t row = 0; row < buffer->height; ++row)
                file.write(reinterpret_cast<const char*>(pixels) +
                               size_t{buffer->planes[0].stride} * static_cast<size_t>(row),
                           static_cast<std::streamsize>(buffer->width) * 4);
        } else {
            file.write(reinterpret_cast<const char*>(current_.pixels.data()),
                       static_cast<std::streamsize>(current_.pixels.size() * 4));
        }
        file.close();
        say("picture");
    }

    bool read_commands() {
        char bytes[4096];
        const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof(bytes));
        if (got <= 0) return false;
        input_.append(bytes, static_cast<size_t>(got));
        for (size_t end; (end = input_.find('\n')) != std::string::npos;) {
            std::istringstream words(input_.substr(0, end));
            input_.erase(0, end + 1);
            run_command(words);
        }
        return true;
    }

    void run_command(std::istringstream& words) {
        ServerSeat& seat = compositor_.seat;
        std::string verb;
        words >> verb;
        int32_t first = 0;
        int32_t second = 0;
        if (verb == "picture") {
            std::string path;
            words >> path;
            return write_picture(path);
        }
        words >> first >> second;
        if (verb == "ticks") return say("ticks " + std::to_string(ticks_));
        if (verb == "cursors")
            return say("cursors " + std::to_string(seat.cursors_set) +
                       (seat.cursor ? " shown" : " hidden"));
        if (verb == "rate") set_rate(first);
        if (verb == "refresh") refresh();
        if (verb == "configure") compositor_.configure(first, second);
        if (verb == "close") compositor_.close_window();
        if (verb == "key") seat.send_key(static_cast<uint32_t>(first), second != 0);
        if (verb == "button") {
            seat.send_button(static_cast<uint32_t>(first), second != 0);
            seat.send_pointer_frame();
        }
        if (verb == "pointer") {
            if (!std::exchange(entered_, true))
                seat.send_enter(compositor_.surface, first, second);
            else
                seat.send_motion(first, second);
            seat.send_pointer_frame();
        }
        if (verb == "motion") {
            seat.send_relative(first, second);
            seat.send_pointer_frame();
        }
        if (verb == "touch") seat.send_touch_down(compositor_.surface, touches_++, first, second);
        if (verb == "cancel") seat.send_touch_cancel();
        if (verb == "wheel") {
            seat.send_wheel(0, first);
            seat.send_pointer_frame();
        }
    }

    Compositor compositor_;
    UniqueFd timer_;
    int64_t period_ = 0;
    uint64_t ticks_ = 0;
    std::string input_;
    std::string title_;
    bool configured_ = false;
    bool gone_ = false;
    bool fullscreen_ = false;
    bool refused_ = false;
    bool entered_ = false;
    int32_t touches_ = 0;
    ServerCommit current_;
    std::map<const ServerBuffer*, Mapping> mappings_;
};

}  // namespace
}  // namespace viaduct::test

int main(int count, char** arguments) {
    if (count != 2) return 2;
    viaduct::test::Screen(arguments[1]).run();
}
