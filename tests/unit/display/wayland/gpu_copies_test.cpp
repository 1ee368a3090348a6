// Copies by the GPU, which is played here: a thread's answers, fences, buffers that are given back.
#include "display/wayland/gpu_copies.h"

#include <poll.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <semaphore>

#include "blob/mapping.h"
#include "presenter_fixture.h"
#include "xdg-shell-client-protocol.h"

namespace viaduct::wayland {
namespace {

constexpr uint64_t kUnknown = fourcc_mod_code(INTEL, 1);  // to every compositor here

/// The behaviour of a played GPU, and notes of what it was asked. The copying thread is done with
/// it before the presenter has its answer.
struct PlayedGpu {
    std::optional<Error> open_fails;
    std::optional<Error> copy_fails;
    std::atomic<bool> holds = false;  // until `go` is released
    std::counting_semaphore<> go{0};
    std::atomic<int> opens = 0;
    std::atomic<int> copies = 0;
    std::atomic<int> targets_alive = 0;
    dev_t device = 0;
    std::vector<gpu_copy::CopyKind> kinds;
    bool had_fence = false;
    /// Of the copies, in their order; the test signals them. Empty: they are complete at once.
    std::vector<UniqueFd> fences;
    bool has_fences = false;
};

class PlayedTarget : public gpu_copy::CopyTarget {
  public:
    PlayedTarget(const gpu_copy::CopyKind& kind, std::atomic<int>& alive)
        : kind_(kind),
          memory_(create_sealed_memfd("copy", size_t{kind.width} * kind.height * 4).value()),
          alive_(alive) {
        ++alive_;
    }
    ~PlayedTarget() override { --alive_; }
    FrameDescription description() const override {
        FrameDescription description;
        description.planes = {{memory_.get(), 0, kind_.width * 4}};
        description.width = kind_.width;
        description.height = kind_.height;
        description.fourcc = kind_.fourcc;
        description.modifier = kind_.modifiers[0];
        return description;
    }

  private:
    const gpu_copy::CopyKind kind_;
    const UniqueFd memory_;
    std::atomic<int>& alive_;
};

class PlayedCopier : public gpu_copy::Copier {
  public:
    explicit PlayedCopier(PlayedGpu& gpu) : gpu_(gpu) {}
    Result<std::unique_ptr<gpu_copy::CopyTarget>> make_target(
        const gpu_copy::CopyKind& kind) override {
        gpu_.kinds.push_back(kind);
        return std::make_unique<PlayedTarget>(kind, gpu_.targets_alive);
    }
    Result<UniqueFd> copy(const Frame& frame, int fence, gpu_copy::CopyTarget& target) override {
        if (gpu_.holds) gpu_.go.acquire();
        ++gpu_.copies;
        if (gpu_.copy_fails) return tl::unexpected(*gpu_.copy_fails);
        gpu_.had_fence = fence >= 0;
        const size_t size = size_t{frame.layout().width} * frame.layout().height * 4;
        const auto to = Mapping::map_shared(target.description().planes[0].fd, 0, size).value();
        if (const auto status = frame.read_rows(to.bytes()); !status)
            return tl::unexpected(status.error());
        if (!gpu_.has_fences) return UniqueFd();
        gpu_.fences.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        return gpu_.fences.back().duplicate();
    }

  private:
    PlayedGpu& gpu_;
};

class GpuCopiesTest : public PresenterTest {
  protected:
    GpuCopiesTest() {
        open_copier = [this](dev_t device) -> Result<std::unique_ptr<gpu_copy::Copier>> {
            ++gpu.opens;
            gpu.device = device;
            if (gpu.open_fails) return tl::unexpected(*gpu.open_fails);
            return std::make_unique<PlayedCopier>(gpu);
        };
    }
    ~GpuCopiesTest() override {
        gpu.go.release(1000);
        presenter.reset();  // its thread has done with `gpu` then
    }
    static test::CompositorOffers rows_only() {
        auto offers = usual_offers();
        offers.tranches = {{0x1234, false, {{kFormat, DRM_FORMAT_MOD_LINEAR}}}};
        return offers;
    }
    /// A compositor that takes tiled frames only, so that linear ones may be copied by either.
    static test::CompositorOffers tiles_only() {
        auto offers = usual_offers();
        offers.tranches = {{0x1234, false, {{kFormat, kTiled}}}};
        return offers;
    }
    /// Until the thread has answered, as it does in a moment.
    template <typename Condition>
    void run_until(const Condition& condition) {
        constexpr int kPatience = 10'000;
        for (settle(); !condition(); settle()) {
            pollfd ready{presenter->fd(), POLLIN, 0};
            ASSERT_EQ(::poll(&ready, 1, kPatience), 1) << "nothing comes any more";
        }
    }
    void present_and_wait(Frame frame) {
        const size_t before = shown_commits();
        present(std::move(frame));
        run_until([&] { return shown_commits() > before; });
    }
    void complete(size_t copy) { ::eventfd_write(gpu.fences.at(copy).get(), 1); }
    static std::vector<uint32_t> pixels_of(const test::ServerBuffer& buffer) {
        const auto& plane = buffer.planes[0];
        const auto height = static_cast<size_t>(buffer.height);
        const auto mapping =
            Mapping::map_read_only(plane.memory.get(), plane.stride * height).value();
        std::vector<uint32_t> pixels(mapping.size() / 4);
        std::memcpy(pixels.data(), mapping.data(), mapping.size());
        return pixels;
    }
    std::vector<uint32_t> draw(size_t buffer) {
        std::vector<uint32_t> pixels(64 * 32);
        for (uint32_t i = 0; i < pixels.size(); ++i)
            pixels[i] = i * 7 + static_cast<uint32_t>(buffer);
        const auto mapping =
            Mapping::map_shared(memory[buffer].get(), 0, pixels.size() * 4).value();
        std::memcpy(mapping.data(), pixels.data(), mapping.size());
        return pixels;
    }

    PlayedGpu gpu;
};

TEST_F(GpuCopiesTest, CopiesWhatTheCompositorCannotImport) {
    start(rows_only());
    const auto pixels = draw(0);
    present_and_wait(frame(0, kUnknown));
    ASSERT_TRUE(last().dmabuf);
    EXPECT_EQ(last().dmabuf->modifier, DRM_FORMAT_MOD_LINEAR);
    EXPECT_EQ(last().dmabuf->fourcc, kFormat);
    EXPECT_EQ(pixels_of(*last().dmabuf), pixels);
    EXPECT_EQ(gpu.device, dev_t{0x1234}) << "the compositor's GPU";
    const PresenterCounts& counts = presenter->counts();
    EXPECT_EQ(counts.blitted, 1U);
    EXPECT_EQ(counts.zero_copy + counts.copied + counts.copied_bytes + counts.refused, 0U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, TheGuestsBufferIsFreeWhenItIsCopied) {
    auto offers = rows_only();
    offers.syncobj = true;
    start(offers);
    gpu.has_fences = true;
    present_and_wait(frame(0, kUnknown));
    signal(*last().release);
    settle();
    EXPECT_EQ(notes.count("released 1"), 0) << "the GPU may still read it";
    complete(0);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
    compositor->send_frame_done();
    present_and_wait(frame(1, kUnknown));
    complete(1);
    settle();
    EXPECT_TRUE(notes.has("released 2")) << "though the compositor reads the copy";
}

TEST_F(GpuCopiesTest, NothingWaitsForTheGpu) {
    start(rows_only());
    gpu.holds = true;
    for (size_t i = 0; i < 5; ++i) present(frame(i, kUnknown));
    EXPECT_EQ(shown_commits(), 0U);
    for (const char* event : {"released 2", "released 3", "released 4"})
        EXPECT_TRUE(notes.has(event)) << event;
    EXPECT_EQ(notes.count("released 1") + notes.count("released 5"), 0);
    gpu.go.release(1);
    run_until([this] { return shown_commits() == 1; });
    compositor->send_frame_done();
    gpu.go.release(1);
    run_until([this] { return shown_commits() == 2; });
    EXPECT_EQ(gpu.copies, 2) << "what was overtaken is not copied";
    EXPECT_EQ(presenter->counts().superseded, 3U);
}

TEST_F(GpuCopiesTest, UsesItsBuffersAgain) {
    start(rows_only());
    for (size_t i = 0; i < 12; ++i) {
        present_and_wait(frame(i, kUnknown));
        compositor->send_frame_done();
        if (i > 0) compositor->release(compositor->commits[compositor->commits.size() - 2].buffer);
        settle();
    }
    EXPECT_EQ(presenter->counts().blitted, 12U);
    EXPECT_LE(gpu.targets_alive, 3);
    EXPECT_LE(compositor->imports, 3) << "and the compositor has imported each once";
}

TEST_F(GpuCopiesTest, WaitsForAFreeBuffer) {
    start(rows_only());
    for (size_t i = 0; i < 3; ++i) {
        present_and_wait(frame(i, kUnknown));
        compositor->send_frame_done();
        settle();
    }
    present(frame(3, kUnknown));
    EXPECT_EQ(gpu.copies, 3) << "all three are the compositor's";
    compositor->release(compositor->commits[2].buffer);
    run_until([this] { return shown_commits() == 4; });
    EXPECT_EQ(last().buffer, compositor->commits[2].buffer) << "the one that was released";
    compositor->send_frame_done();
    present_and_wait(frame(0, kUnknown, 32, 32));
    EXPECT_EQ(last().dmabuf->width, 32) << "another size has buffers of its own";
    EXPECT_EQ(gpu.targets_alive, 1);
}

TEST_F(GpuCopiesTest, APartIsShownOfACopyOfAllOfIt) {
    start(rows_only());
    FrameDescription description;
    description.planes = {{memory[1].get(), 0, 256}};
    description.width = 64;
    description.height = 32;
    description.fourcc = kFormat;
    description.modifier = kUnknown;
    description.bottom_up = true;
    description.crop = FrameRect{8, 2, 30, 15};
    description.damage = FrameRect{9, 3, 5, 6};
    present_and_wait(Frame::check(description).value());
    compositor->send_frame_done();
    present_and_wait(Frame::check(description).value());
    EXPECT_EQ(last().dmabuf->width, 64);
    EXPECT_EQ(last().transform, 6) << "WL_OUTPUT_TRANSFORM_FLIPPED_180";
    EXPECT_EQ(compositor->source, (std::vector<int32_t>{8, 2, 30, 15}));
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{9, 32 - 3 - 6, 5, 6}}));
}

TEST_F(GpuCopiesTest, TheGpuWaitsForTheFramesFence) {
    start(rows_only());
    const UniqueFd guest(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fence = guest.get();
    present_and_wait(frame(0, kUnknown));
    EXPECT_TRUE(gpu.had_fence);
    EXPECT_EQ(shown_commits(), 1U);
}

TEST_F(GpuCopiesTest, TheCompositorWaitsForTheCopysFence) {
    start(rows_only());
    gpu.has_fences = true;
    present(frame(0, kUnknown));
    // The test's memory takes no fences: the presenter waits in the compositor's stead.
    run_until([this] { return gpu.copies == 1 && compositor->imports == 1; });
    settle();
    EXPECT_EQ(shown_commits(), 0U);
    complete(0);
    run_until([this] { return shown_commits() == 1; });
    EXPECT_TRUE(notes.has("released 1"));
}

TEST_F(GpuCopiesTest, CopiesHaveAcquireAndReleasePoints) {
    auto offers = rows_only();
    offers.syncobj = true;
    start(offers);
    gpu.has_fences = true;
    for (size_t i = 0; i < 3; ++i) {
        present_and_wait(frame(i, kUnknown));
        EXPECT_TRUE(timeline(*last().acquire).points.at(last().acquire->point))
            << "the copy's fence";
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(presenter->counts().explicit_points, 3U);
    present(frame(3, kUnknown));
    EXPECT_EQ(gpu.copies, 3);
    signal(*compositor->commits[2].release);
    run_until([this] { return shown_commits() == 4; });
    EXPECT_EQ(last().buffer, compositor->commits[2].buffer);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, WithoutAGpuTheCpuCopies) {
    gpu.open_fails = Error{ENOTSUP, "EGL is missing"};
    start(tiles_only());
    for (size_t i = 0; i < 4; ++i) {
        present_and_wait(frame(i, DRM_FORMAT_MOD_LINEAR));
        compositor->release(last().buffer);
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(presenter->counts().copied, 4U);
    EXPECT_EQ(presenter->counts().blitted, 0U);
    EXPECT_EQ(gpu.opens, 1) << "it is not tried again";
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, WithoutAGpuAFrameOfItsOwnLayoutIsRefused) {
    gpu.open_fails = Error{ENOTSUP, "EGL is missing"};
    start(rows_only());
    present(frame(0, kUnknown));
    run_until([this] { return notes.has("released 1"); });
    EXPECT_TRUE(notes.has("dropped 1"));
    EXPECT_EQ(presenter->counts().refused, 1U);
}

TEST_F(GpuCopiesTest, WhatTheGpuCannotCopyTheCpuDoes) {
    gpu.copy_fails = Error{EINVAL, "EGL cannot import it"};
    start(tiles_only());
    for (int i = 0; i < 3; ++i) {
        present_and_wait(frame(0, DRM_FORMAT_MOD_LINEAR));
        compositor->release(last().buffer);
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(presenter->counts().copied, 3U);
    EXPECT_EQ(gpu.copies, 1) << "it is not tried again";
    gpu.copy_fails = {};
    present_and_wait(frame(1, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(presenter->counts().blitted, 1U) << "another buffer is";
    compositor->send_frame_done();
    compositor->send_feedback(tiles_only().tranches);
    settle();
    present_and_wait(frame(0, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(presenter->counts().blitted, 2U) << "and so is this one, with another table";
}

TEST_F(GpuCopiesTest, AGpuThatIsLostCopiesNoMore) {
    start(tiles_only());
    present_and_wait(frame(0, DRM_FORMAT_MOD_LINEAR));
    compositor->send_frame_done();
    gpu.copy_fails = Error{ENODEV, "the GPU was reset"};
    for (size_t i = 1; i < 4; ++i) {
        present_and_wait(frame(i, DRM_FORMAT_MOD_LINEAR));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(presenter->counts().blitted, 1U);
    EXPECT_EQ(presenter->counts().copied, 3U);
    EXPECT_EQ(gpu.copies, 2);
    EXPECT_EQ(gpu.targets_alive, 0);
}

TEST_F(GpuCopiesTest, CopiesThatTheCompositorRefuses) {
    start(tiles_only());
    compositor->accept_imports = false;
    for (size_t i = 0; i < 6; ++i) {
        present_and_wait(frame(i, DRM_FORMAT_MOD_LINEAR));
        compositor->release(last().buffer);
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(presenter->counts().copied, 6U);
    EXPECT_EQ(presenter->counts().blitted, 0U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, TheWindowMayBecomeTooSmallMeanwhile) {
    auto offers = rows_only();
    offers.viewporter = false;
    start(offers);
    gpu.holds = true;
    for (size_t i = 0; i < 4; ++i) {
        compositor->configure(64, 32, {XDG_TOPLEVEL_STATE_FULLSCREEN});
        settle();
        present(frame(i, kUnknown));
        compositor->configure(63, 32, {XDG_TOPLEVEL_STATE_FULLSCREEN});
        settle();
        gpu.go.release(1);
        run_until([&] { return notes.has("dropped " + std::to_string(i + 1)); });
    }
    EXPECT_EQ(shown_commits(), 0U);
    compositor->configure(64, 32, {XDG_TOPLEVEL_STATE_FULLSCREEN});
    settle();
    gpu.go.release(1);
    present_and_wait(frame(5, kUnknown));
    EXPECT_LE(gpu.targets_alive, 3) << "their buffers are free";
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, TheTableOfFormatsMayChangeMeanwhile) {
    start(rows_only());
    gpu.holds = true;
    present(frame(0, kUnknown));
    compositor->send_feedback(tiles_only().tranches);
    settle();
    gpu.holds = false;
    gpu.go.release(1);
    run_until([this] { return shown_commits() == 1; });
    EXPECT_EQ(last().dmabuf->modifier, kTiled);
    EXPECT_EQ(gpu.copies, 2);
    EXPECT_TRUE(notes.has("released 1"));
    EXPECT_EQ(presenter->counts().blitted, 1U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopiesTest, IsLeftAloneWhereTheCompositorImports) {
    start();
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
    auto old = rows_only();
    old.dmabuf = 3;  // does not name its GPU
    start(old);
    present(frame(0, kUnknown));
    EXPECT_TRUE(notes.has("dropped 2"));
    FrameDescription plain;
    const UniqueFd memory(::memfd_create("plain", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(memory.get(), 64 * 32 * 4), 0);
    plain.planes = {{memory.get(), 0, 256}};
    plain.width = 64;
    plain.height = 32;
    plain.fourcc = kFormat;
    plain.plain_memory = true;
    start(rows_only());
    present(Frame::check(plain).value());
    EXPECT_EQ(presenter->counts().copied, 1U);
    EXPECT_EQ(gpu.opens, 0);
}

TEST_F(GpuCopiesTest, AConnectionMayEndMeanwhile) {
    start(rows_only());
    gpu.holds = true;
    present(frame(0, kUnknown));
    compositor->disconnect();
    settle();
    EXPECT_TRUE(notes.has("lost"));
    EXPECT_TRUE(notes.has("released 1"));
    gpu.go.release(1);
    run_until([this] { return gpu.copies == 1; });
    EXPECT_TRUE(notes.has("released 1")) << "once";
    start(rows_only());
    present(frame(1, kUnknown));
    gpu.go.release(1);
    presenter.reset();
    compositor->turn();
    EXPECT_EQ(compositor->error, "");
}

}  // namespace
}  // namespace viaduct::wayland
