// The C face, and the thread behind it.
#include "display/wayland/viaduct_wayland.h"

#include <drm_fourcc.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <cerrno>
#include <cstring>

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

/// Counts of callbacks.
struct Seen {
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
};

class CFace : public ::testing::Test {
  protected:
    CFace() : socket_(folder_ / "wayland") {
        test::CompositorOffers offers;
        offers.tranches = {{1, false, {{DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR}}}};
        compositor = std::make_unique<test::Compositor>(offers);
        compositor->listen(test::bound_socket(socket_));
    }
    ~CFace() override { viaduct_presenter_destroy(presenter); }

    void start(const viaduct_presenter_callbacks* callbacks = &kCallbacks) {
        presenter = viaduct_presenter_create(socket_.c_str(), "guest", callbacks, &seen);
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
    viaduct_presenter_get_counts(presenter, &counts);
    EXPECT_EQ(counts.zero_copy, 1U);
    EXPECT_EQ(counts.copied_bytes, 0U);
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

TEST(CFaceAlone, NamesTheErrorOfAMissingCompositor) {
    const test::PrivateFolder folder;
    errno = 0;
    EXPECT_FALSE(viaduct_presenter_create((folder / "none").c_str(), nullptr, nullptr, nullptr));
    EXPECT_EQ(errno, ENOENT);
    const UniqueFd busy = test::bound_socket(folder / "busy");
    ASSERT_EQ(::listen(busy.get(), 0), 0);
    const UniqueFd first = test::connect_to(folder / "busy");
    EXPECT_FALSE(viaduct_presenter_create((folder / "busy").c_str(), nullptr, nullptr, nullptr));
    EXPECT_EQ(errno, EAGAIN) << "a compositor that accepts nobody is not waited for";
}

}  // namespace
}  // namespace viaduct
