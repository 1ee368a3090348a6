// The C face, and the thread behind it.
#include "display/embed/viaduct_wayland.h"

#include <drm_fourcc.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/mutex.h"
#include "blob/memfd.h"
#include "tests/support/compositor/compositor.h"
#include "tests/support/unix_sockets.h"

namespace viaduct {
namespace {

/// A number that the presenter's thread raises.
class Count {
  public:
    void operator++() { add(1); }
    void add(int number) {
        value_ += number;
        value_.notify_all();
    }
    operator int() const { return value_; }
    void wait_for(int least) const {
        for (int now; (now = value_) < least;) value_.wait(now);
    }

  private:
    std::atomic<int> value_{0};
};

/// Events as text, from another thread.
class Events {
  public:
    void add(const std::string& event) {
        const LockGuard lock(mutex_);
        events_.push_back(event);
    }
    std::vector<std::string> all() const {
        const LockGuard lock(mutex_);
        return events_;
    }

  private:
    mutable Mutex mutex_;
    std::vector<std::string> events_ VIADUCT_GUARDED_BY(mutex_);
};

/// Counts of callbacks.
struct Seen {
    Events input;
    Count committed;
    Count shown, dropped, released, wanted, closed, lost;
    std::atomic<uint64_t> last_released{0};
    std::atomic<uint32_t> width{0};
};

Seen& of(void* cookie) {
    return *static_cast<Seen*>(cookie);
}

constexpr viaduct_presenter_callbacks kCallbacks = {
    .size = sizeof(viaduct_presenter_callbacks),
    .shown = [](void* cookie, uint64_t, uint64_t, uint64_t) { ++of(cookie).shown; },
    .dropped = [](void* cookie, uint64_t) { ++of(cookie).dropped; },
    .released =
        [](void* cookie, uint64_t frame) {
            of(cookie).last_released = frame;
            ++of(cookie).released;
        },
    .frame_wanted = [](void* cookie) { ++of(cookie).wanted; },
    .resized = [](void* cookie, uint32_t width, uint32_t) { of(cookie).width = width; },
    .close_requested = [](void* cookie) { ++of(cookie).closed; },
    .lost = [](void* cookie,
               const char* why) { of(cookie).lost.add(std::strlen(why) > 0 ? 1 : 0); },
    .committed = [](void* cookie, uint64_t) { ++of(cookie).committed; },
    .key = [](void* cookie, uint32_t key,
              int pressed) { of(cookie).input.add(fmt::format("key {:#x} {}", key, pressed)); },
    .button =
        [](void* cookie, uint32_t button, int pressed) {
            of(cookie).input.add(fmt::format("button {} {}", button, pressed));
        },
    .pointer_at =
        [](void* cookie, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
            of(cookie).input.add(fmt::format("at {},{} of {}x{}", x, y, width, height));
        },
    .pointer_by = [](void* cookie, int32_t dx,
                     int32_t dy) { of(cookie).input.add(fmt::format("by {},{}", dx, dy)); },
    .touch =
        [](void* cookie, uint32_t kind, uint32_t slot, double x, double y, uint32_t, uint32_t) {
            of(cookie).input.add(fmt::format("touch {} {} {},{}", kind, slot, x, y));
        },
};

class CFace : public ::testing::Test {
  protected:
    CFace() : socket_(folder_ / "wayland") {
        test::CompositorOffers offers;
        offers.seat = true;
        offers.tranches = {{1, false, {{DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR}}}};
        compositor = std::make_unique<test::Compositor>(offers);
        compositor->listen(test::bound_socket(socket_));
    }
    ~CFace() override { viaduct_presenter_destroy(presenter); }

    void start(const viaduct_presenter_callbacks* callbacks = &kCallbacks, int gpu_copies = 0) {
        viaduct_presenter_options options{};
        options.size = sizeof(options);
        options.display = socket_.c_str();
        options.title = "guest";
        options.input = 1;
        options.gpu_copies = gpu_copies;
        presenter = viaduct_presenter_create(&options, callbacks, &seen);
        ASSERT_TRUE(presenter);
        run_until([this] { return compositor->toplevel != nullptr; });
        compositor->configure(0, 0);
    }
    /// Lets the compositor run until something has come true, here or on the other thread.
    template <typename Condition>
    void run_until(Condition condition) {
        while (!condition()) {
            compositor->turn();
            pollfd ready{compositor->fd(), POLLIN, 0};
            ::poll(&ready, 1, 1);
        }
    }
    viaduct_frame frame() const {
        viaduct_frame frame{};
        frame.size = sizeof(frame);
        frame.width = 16;
        frame.height = 16;
        frame.fourcc = DRM_FORMAT_XRGB8888;
        frame.num_planes = 1;
        frame.planes[0] = {memory.get(), 0, 64};
        frame.acquire_fence = -1;
        return frame;
    }

  private:
    test::PrivateFolder folder_;
    const std::string socket_;

  protected:
    const UniqueFd memory = create_sealed_memfd("frame", 16 * 16 * 4).value();
    Seen seen;
    std::unique_ptr<test::Compositor> compositor;
    viaduct_presenter* presenter = nullptr;
};

TEST_F(CFace, ShowsAFrame) {
    start();
    const auto description = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 77), 0);
    run_until([this] { return compositor->commits.size() == 2; });
    EXPECT_TRUE(compositor->commits[1].dmabuf);
    compositor->send_presented(1, 2, 3, 0);
    compositor->release(compositor->commits[1].buffer);
    compositor->send_frame_done();
    compositor->configure(300, 200);
    compositor->close_window();
    run_until([this] {
        return seen.shown == 1 && seen.released == 1 && seen.wanted == 1 && seen.width == 300 &&
               seen.closed == 1;
    });
    EXPECT_EQ(seen.last_released, 77U);
    EXPECT_EQ(seen.dropped, 0);
    viaduct_presenter_counts counts{};
    counts.size = sizeof(counts);
    viaduct_presenter_get_counts(presenter, &counts);
    EXPECT_EQ(counts.zero_copy, 1U);
    EXPECT_EQ(counts.copied_bytes, 0U);
}

class CFaceGpuCopies : public CFace {
  protected:
    /// Shows a frame of a layout that is not in the compositor's table. True: a GPU was looked for.
    /// The compositor's device is not there.
    bool looks_for_a_gpu(int gpu_copies) {
        ::testing::internal::CaptureStderr();
        start(&kCallbacks, gpu_copies);
        auto description = frame();
        description.modifier = DRM_FORMAT_MOD_INVALID;
        EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
        run_until([&] { return seen.released == 1; });
        EXPECT_EQ(seen.dropped, 1);
        viaduct_presenter_counts counts{};
        counts.size = sizeof(counts);
        viaduct_presenter_get_counts(presenter, &counts);
        EXPECT_EQ(counts.refused, 1U);
        EXPECT_EQ(counts.blitted, 0U);
        return ::testing::internal::GetCapturedStderr().find(
                   "no frame is copied by the GPU from now on") != std::string::npos;
    }
};

TEST_F(CFaceGpuCopies, AreMadeOnRequest) {
    EXPECT_TRUE(looks_for_a_gpu(1));
}

TEST_F(CFaceGpuCopies, AreNotMadeOtherwise) {
    EXPECT_FALSE(looks_for_a_gpu(0));
}

TEST_F(CFace, EveryFrameIsReleased) {
    start();
    const auto description = frame();
    constexpr int kFrames = 2000;
    for (uint64_t i = 1; i <= kFrames; ++i)
        ASSERT_EQ(viaduct_presenter_present(presenter, &description, i), 0);
    // All but the one that waits, and those that the compositor has.
    run_until([this] { return seen.released >= kFrames - 2; });
    run_until([this] { return compositor->commits.size() >= 2; });
    compositor.reset();  // crashes
    seen.lost.wait_for(1);
    seen.released.wait_for(kFrames);
    EXPECT_EQ(seen.released, kFrames);
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, kFrames + 1), 0);
    seen.released.wait_for(kFrames + 1);
}

TEST_F(CFace, RefusesWhatAGuestMakesUp) {
    start();
    auto description = frame();
    description.height = 17;
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), -EINVAL);
    description = frame();
    description.num_planes = 5;
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), -EINVAL);
    description = frame();
    description.fourcc = 0;
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), -ENOTSUP);
    description = frame();
    description.planes[0].fd = 0x7fffffff;
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), -EACCES);
    EXPECT_EQ(seen.released, 0);
}

TEST_F(CFace, OlderCallersHaveSmallerTables) {
    auto callbacks = kCallbacks;
    callbacks.size = offsetof(viaduct_presenter_callbacks, dropped);
    start(&callbacks);
    const auto description = frame();
    for (int i = 0; i < 3; ++i) ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->feedbacks.size() == 1; });
    compositor->send_presented(1, 2, 3, 0);
    run_until([this] { return seen.shown == 1; });
    EXPECT_EQ(seen.dropped, 0) << "not reached";
}

TEST_F(CFace, OlderCallersHaveSmallerStructs) {
    start();
    auto description = frame();
    description.size = offsetof(viaduct_frame, crop_x);
    description.crop_width = 1000;  // not of the caller's struct
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return seen.committed == 1; });
    viaduct_presenter_counts counts{};
    counts.size = offsetof(viaduct_presenter_counts, copied);
    counts.copied = 7;
    viaduct_presenter_get_counts(presenter, &counts);
    EXPECT_EQ(counts.size, offsetof(viaduct_presenter_counts, copied));
    EXPECT_EQ(counts.zero_copy, 1U);
    EXPECT_EQ(counts.copied, 7U) << "not of the caller's struct";
}

TEST_F(CFace, ReportsInput) {
    start();
    const auto description = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->commits.size() == 2 && compositor->seat.keyboard; });
    EXPECT_EQ(seen.committed, 1);
    test::ServerSeat& seat = compositor->seat;
    const auto events = [this](size_t count) {
        run_until([&] { return seen.input.all().size() >= count; });
        return seen.input.all();
    };
    using List = std::vector<std::string>;
    seat.send_key(KEY_UP, true);
    seat.send_enter(compositor->surface, 8, 4);
    seat.send_pointer_frame();
    seat.send_button(BTN_RIGHT, true);
    seat.send_touch_down(compositor->surface, 5, 1, 2);
    EXPECT_EQ(events(4), (List{"key 0xc8 1", "at 8,4 of 16x16", "button 2 1", "touch 0 0 1,2"}));
    compositor.reset();  // crashes
    seen.lost.wait_for(1);
    EXPECT_EQ(seen.input.all().size(), 7U) << "before lost()";
    EXPECT_EQ(events(7)[4], "key 0xc8 0");
    EXPECT_EQ(events(7)[5], "button 2 0");
    EXPECT_EQ(events(7)[6], "touch 3 0 1,2");
}

TEST_F(CFace, TakesThePointerForAGuestWithAMouse) {
    start();
    viaduct_presenter_set_absolute(presenter, 0);
    const auto description = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->commits.size() == 2 && compositor->seat.pointer; });
    test::ServerSeat& seat = compositor->seat;
    seat.send_enter(compositor->surface, 1, 1);
    seat.send_button(BTN_LEFT, true);
    run_until([&] {
        return seat.locks == 1 && compositor->title.find("Ctrl+Alt+G") != std::string::npos;
    });
    seat.send_relative(3, -4);
    seat.send_pointer_frame();
    run_until([this] { return !seen.input.all().empty(); });
    EXPECT_EQ(seen.input.all()[0], "by 3,-4");
    viaduct_presenter_set_title(presenter, "another");
    run_until([this] { return compositor->title.starts_with("another "); });
}

TEST_F(CFace, ShowsTheGuestsCursor) {
    start();
    run_until([this] { return compositor->seat.pointer != nullptr; });
    test::ServerSeat& seat = compositor->seat;
    seat.send_enter(compositor->surface, 1, 1);
    run_until([&] { return seat.cursor != nullptr; });
    EXPECT_EQ(viaduct_presenter_set_cursor(presenter, nullptr), 0);
    run_until([&] { return seat.cursor == nullptr; });
    const std::vector<uint32_t> pixels(4 * 4, 0xffffffff);
    viaduct_cursor cursor{4, 4, 3, 3, pixels.data()};
    EXPECT_EQ(viaduct_presenter_set_cursor(presenter, &cursor), 0);
    run_until([&] { return seat.cursor != nullptr; });
    cursor.hot_x = 4;
    EXPECT_EQ(viaduct_presenter_set_cursor(presenter, &cursor), -EINVAL);
    cursor = {0x10000, 0x10000, 0, 0, nullptr};
    EXPECT_EQ(viaduct_presenter_set_cursor(presenter, &cursor), -EINVAL) << "never read";
}

TEST_F(CFace, CopiesPlainMemory) {
    start();
    auto description = frame();
    const UniqueFd file(::memfd_create("unsealed", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), 16 * 16 * 4), 0);
    const uint32_t pixel = 0x123456;
    ASSERT_EQ(::pwrite(file.get(), &pixel, sizeof(pixel), 64), ssize_t{sizeof(pixel)});
    description.planes[0].fd = file.get();
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 1), -EACCES);
    description.plain_memory = 1;
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->commits.size() == 2; });
    ASSERT_EQ(compositor->commits[1].pixels.size(), 256U);
    EXPECT_EQ(compositor->commits[1].pixels[16], pixel);
}

TEST_F(CFace, ShowsAPart) {
    start();
    auto description = frame();
    description.crop_x = 2;
    description.crop_y = 3;
    description.crop_width = 4;
    description.crop_height = 5;
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->commits.size() == 2; });
    EXPECT_EQ(compositor->source, (std::vector<int32_t>{2, 3, 4, 5}));
}

TEST_F(CFace, WhatARefusedFrameChangedIsRedrawn) {
    start();
    auto description = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return compositor->commits.size() == 2; });
    auto wrong = frame();
    wrong.height = 17;
    ASSERT_EQ(viaduct_presenter_present(presenter, &wrong, 2), -EINVAL);
    description.damage_x = description.damage_y = 3;
    description.damage_width = description.damage_height = 2;
    for (const size_t commits : {3, 4}) {
        compositor->send_frame_done();
        ASSERT_EQ(viaduct_presenter_present(presenter, &description, commits), 0);
        run_until([&] { return compositor->commits.size() == commits; });
    }
    EXPECT_EQ(compositor->commits[2].damage, (std::vector<std::vector<int32_t>>{{0, 0, 16, 16}}));
    EXPECT_EQ(compositor->commits[3].damage, (std::vector<std::vector<int32_t>>{{3, 3, 2, 2}}));
}

// The exception is one of the thread's own, as for want of memory.
TEST_F(CFace, AThreadThatFailsReleasesItsFrames) {
    auto callbacks = kCallbacks;
    callbacks.committed = [](void*, uint64_t) { throw std::bad_alloc(); };
    callbacks.lost = [](void* cookie, const char*) {
        of(cookie).input.add(fmt::format("{} released", int{of(cookie).released}));
        ++of(cookie).lost;
    };
    start(&callbacks);
    const auto description = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &description, 1), 0);
    run_until([this] { return seen.lost == 1; });
    EXPECT_EQ(seen.input.all(), (std::vector<std::string>{"1 released"}));
    EXPECT_EQ(viaduct_presenter_present(presenter, &description, 2), -ENOTCONN);
    EXPECT_EQ(seen.released, 1);
    EXPECT_EQ(seen.lost, 1);
}

// Two frames while the presenter's thread is elsewhere: the second one's damage is not all.
TEST_F(CFace, WhatAnOvertakenFrameChangedIsRedrawn) {
    static viaduct_presenter* shown;
    static viaduct_frame part;
    auto callbacks = kCallbacks;
    callbacks.frame_wanted = [](void* cookie) {
        if (of(cookie).wanted > 0) return;
        for (const int32_t at : {1, 5}) {
            part.damage_x = part.damage_y = at;
            part.damage_width = part.damage_height = 1;
            EXPECT_EQ(viaduct_presenter_present(shown, &part, static_cast<uint64_t>(10 + at)), 0);
        }
        ++of(cookie).wanted;
    };
    start(&callbacks);
    shown = presenter;
    part = frame();
    ASSERT_EQ(viaduct_presenter_present(presenter, &part, 1), 0);
    run_until([this] { return compositor->commits.size() == 2; });
    compositor->send_frame_done();
    run_until([this] { return compositor->commits.size() == 3; });
    EXPECT_EQ(compositor->commits[2].damage, (std::vector<std::vector<int32_t>>{{0, 0, 16, 16}}));
}

TEST(CFaceAlone, NamesTheErrorOfAMissingCompositor) {
    const test::PrivateFolder folder;
    errno = 0;
    const std::string none = folder / "none";
    const std::string full = folder / "busy";
    viaduct_presenter_options options{};
    options.size = sizeof(options);
    options.display = none.c_str();
    EXPECT_FALSE(viaduct_presenter_create(&options, nullptr, nullptr));
    EXPECT_EQ(errno, ENOENT);
    const UniqueFd busy = test::bound_socket(folder / "busy");
    ASSERT_EQ(::listen(busy.get(), 0), 0);
    const UniqueFd first = test::connect_to(folder / "busy");
    options.display = full.c_str();
    EXPECT_FALSE(viaduct_presenter_create(&options, nullptr, nullptr));
    EXPECT_EQ(errno, EAGAIN) << "a compositor that accepts nobody is not waited for";
}

}  // namespace
}  // namespace viaduct
