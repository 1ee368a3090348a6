// A presenter and a compositor on one thread, which take turns.
#pragma once

#include <drm_fourcc.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "blob/memfd.h"
#include "display/wayland/presenter.h"
#include "tests/support/compositor/compositor.h"

namespace viaduct::wayland {

inline constexpr uint32_t kFormat = DRM_FORMAT_XRGB8888;
inline constexpr uint64_t kTiled = fourcc_mod_code(AMD, 1);

/// A timeline without a kernel: the test signals release points.
struct PlayedTimeline : SyncTimeline {
    int fd() const override { return name.get(); }
    Status set_point(uint64_t point, int sync_file) override {
        if (sync_file >= 0 && !imports) return fail(EINVAL, "not a sync file");
        points[point] = sync_file >= 0;
        return {};
    }
    Result<UniqueFd> event_at(uint64_t point) override {
        if (!reports) return fail(EMFILE, "no descriptor left");
        UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        events[point] = event.duplicate();
        return event;
    }
    FileId id() const {
        struct stat status {};
        ::fstat(name.get(), &status);
        return {status.st_dev, status.st_ino};
    }

    UniqueFd name = create_sealed_memfd("timeline", 1).value();
    bool imports = true;
    bool reports = true;
    std::map<uint64_t, bool> points;  // set; whether by a sync file
    std::map<uint64_t, UniqueFd> events;
};

class PlayedSyncDevice : public SyncDevice {
  public:
    explicit PlayedSyncDevice(std::vector<PlayedTimeline*>& timelines) : timelines_(timelines) {}
    Result<std::unique_ptr<SyncTimeline>> create_timeline() override {
        auto timeline = std::make_unique<PlayedTimeline>();
        timelines_.push_back(timeline.get());
        return timeline;
    }

  private:
    std::vector<PlayedTimeline*>& timelines_;
};

/// Notes all events as text.
struct Notes : PresenterListener {
    void frame_wanted() override { all.push_back("wanted"); }
    void shown(uint64_t frame, const ShownFrame& when) override {
        all.push_back("shown " + std::to_string(frame));
        last_shown = when;
    }
    void dropped(uint64_t frame) override { all.push_back("dropped " + std::to_string(frame)); }
    void released(uint64_t frame) override { all.push_back("released " + std::to_string(frame)); }
    void resized(WindowSize size) override {
        all.push_back("resized " + std::to_string(size.width) + "x" + std::to_string(size.height));
    }
    void close_requested() override { all.push_back("close"); }
    void lost(const Error& error) override {
        all.push_back("lost");
        why_lost = error.message;
    }
    long count(const std::string& event) const { return std::ranges::count(all, event); }
    bool has(const std::string& event) const { return count(event) == 1; }

    std::vector<std::string> all;
    ShownFrame last_shown;
    std::string why_lost;
};

class PresenterTest : public ::testing::Test {
  protected:
    static test::CompositorOffers usual_offers() {
        test::CompositorOffers offers;
        offers.tranches = {{0x1234, false, {{kFormat, DRM_FORMAT_MOD_INVALID}, {kFormat, kTiled}}}};
        return offers;
    }
    /// Connects, and lets the window come up.
    void start(test::CompositorOffers offers = usual_offers(), bool configure = true) {
        compositor = std::make_unique<test::Compositor>(std::move(offers));
        Presenter::Options options;
        options.title = "guest";
        options.open_sync = [this](dev_t device) -> Result<std::unique_ptr<SyncDevice>> {
            sync_device = device;
            if (!has_sync_device) return fail(ENOENT, "no node");
            return std::make_unique<PlayedSyncDevice>(timelines);
        };
        options.sync_trust = trust;
        options.input = input;
        options.open_copier = open_copier;
        presenter = std::make_unique<Presenter>(Connection::adopt(compositor->connect()).value(),
                                                std::move(options), notes);
        settle();
        if (!configure) return;
        compositor->configure(0, 0);
        settle();
    }
    /// Both take turns until nothing is under way: each turn sends all that there is.
    void settle() {
        for (int i = 0; i < 8; ++i) {
            compositor->turn();
            presenter->dispatch();
        }
    }
    /// A frame in one of the guest's buffers.
    Frame frame(size_t buffer, uint64_t modifier = DRM_FORMAT_MOD_INVALID, uint32_t width = 64,
                uint32_t height = 32) {
        FrameDescription description;
        description.planes = {{memory.at(buffer).get(), 0, width * 4}};
        description.width = width;
        description.height = height;
        description.fourcc = kFormat;
        description.modifier = modifier;
        description.damage = damage;
        description.acquire_fence = fence;
        return Frame::check(description).value();
    }
    void present(Frame frame) {
        ASSERT_TRUE(presenter->present(std::move(frame), ++number));
        settle();
    }
    /// The last commit.
    const test::ServerCommit& last() const { return compositor->commits.back(); }
    size_t shown_commits() const {
        return static_cast<size_t>(
            std::ranges::count(compositor->commits, true, &test::ServerCommit::attached));
    }
    PlayedTimeline& timeline(const test::ServerPoint& point) {
        return **std::ranges::find_if(
            timelines, [&](const PlayedTimeline* t) { return t->id() == point.timeline; });
    }
    void signal(const test::ServerPoint& point) {
        ::eventfd_write(timeline(point).events.at(point.point).get(), 1);
    }

    Notes notes;
    std::shared_ptr<SyncTrust> trust = std::make_shared<SyncTrust>();
    std::vector<PlayedTimeline*> timelines;
    dev_t sync_device = 0;
    bool has_sync_device = true;
    SeatListener* input = nullptr;
    gpu_copy::OpenCopier open_copier;
    std::unique_ptr<test::Compositor> compositor;
    std::unique_ptr<Presenter> presenter;
    std::optional<FrameRect> damage;
    int fence = -1;
    uint64_t number = 0;
    const std::vector<UniqueFd> memory = [] {
        std::vector<UniqueFd> all;
        for (int i = 0; i < 40; ++i)
            all.push_back(create_sealed_memfd("guest-buffer", 128 * 128 * 4).value());
        return all;
    }();
};

}  // namespace viaduct::wayland
