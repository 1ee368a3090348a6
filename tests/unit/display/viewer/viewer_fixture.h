// A QEMU, a viewer and compositors on one thread, which take turns. Time is the test's.
#pragma once

#include <drm_fourcc.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "blob/memfd.h"
#include "display/viewer/viewer.h"
#include "tests/support/compositor/compositor.h"
#include "tests/support/qemu_display/qemu_display.h"
#include "tests/unit/display/wayland/presenter_fixture.h"

namespace viaduct::viewer {

inline constexpr uint32_t kXrgb = DRM_FORMAT_XRGB8888;
inline constexpr uint32_t kPixmanXrgb = 0x20020888;  // pixman.h, PIXMAN_x8r8g8b8
inline constexpr int64_t kRefresh = UpdateHold::kUsualRefresh;

class ViewerTest : public ::testing::Test {
  protected:
    ViewerTest() {
        set_log_sink([this](LogLevel, std::string_view text) { lines.emplace_back(text); });
    }
    ~ViewerTest() override { set_log_sink({}); }

    Viewer::Options options() {
        Viewer::Options all;
        all.connect_bus = [this](wayland::Watches& watches) -> Result<Connecting> {
            if (!qemu) return fail(ENOENT, "no QEMU");
            return Bus::adopt(qemu->connect(), watches);
        };
        all.head.clock = [this] { return now; };
        all.head.connect = [this]() -> Result<std::unique_ptr<wayland::Connection>> {
            if (!has_compositor) return fail(ENOENT, "no compositor");
            test::CompositorOffers offers;
            offers.seat = true;
            offers.tranches = {
                {0x1234, false, {{kXrgb, DRM_FORMAT_MOD_INVALID}, {kXrgb, DRM_FORMAT_MOD_LINEAR}}}};
            offers.viewporter = viewporter;
            offers.fractional_scale = fractional_scale;
            offers.syncobj = explicit_sync;
            offers.takes_timelines = false;
            screens.push_back(std::make_unique<test::Compositor>(std::move(offers)));
            return wayland::Connection::adopt(screens.back()->connect());
        };
        all.head.window.open_sync = [this](dev_t) -> Result<std::unique_ptr<wayland::SyncDevice>> {
            if (!explicit_sync) return fail(ENOENT, "no node");
            return std::make_unique<wayland::PlayedSyncDevice>(timelines);
        };
        all.head.window.sync_trust = std::make_shared<wayland::SyncTrust>();
        return all;
    }
    void start(Viewer::Options all) {
        viewer = std::make_unique<Viewer>(std::move(all));
        settle();
        configure_all();
    }
    void start() { start(options()); }
    void configure_all() {
        for (auto& screen : screens)
            if (screen->toplevel) screen->configure(0, 0);
        settle();
    }
    /// All take turns until nothing is under way: each turn sends all that there is.
    void settle() {
        for (int i = 0; i < 12; ++i) {
            if (qemu) qemu->turn();
            if (viewer && !over) over = !viewer->turn();
            for (auto& screen : screens) screen->turn();
        }
    }
    void pass(int64_t ns) {
        now += ns;
        settle();
    }

    test::Compositor& screen(size_t index = 0) { return *screens.at(index); }
    test::QemuListener& pictures(uint32_t console = 0) { return *qemu->listener(console); }
    static size_t shown(const test::Compositor& screen) {
        return static_cast<size_t>(
            std::ranges::count(screen.commits, true, &test::ServerCommit::attached));
    }
    /// A buffer of the guest as QEMU shows it.
    test::Dmabuf2 scanout(size_t buffer, uint32_t width = 64, uint32_t height = 32) const {
        test::Dmabuf2 all;
        all.fds = {memory.at(buffer).get()};
        all.width = all.backing_width = width;
        all.height = all.backing_height = height;
        all.offsets = {0};
        all.strides = {width * 4};
        all.fourcc = kXrgb;
        all.modifier = DRM_FORMAT_MOD_INVALID;
        return all;
    }
    /// A page flip of QEMU 11: the new frame, the release of the old one, the update.
    void flip(size_t buffer) {
        pictures().scanout_dmabuf2(scanout(buffer));
        pictures().disable();
        pictures().update_dmabuf(0, 0, 64, 32);
        settle();
    }
    size_t lines_with(const std::string& text) const {
        return static_cast<size_t>(std::ranges::count_if(
            lines, [&](const std::string& line) { return line.find(text) != line.npos; }));
    }

    int64_t now = 1'000'000'000;
    std::vector<std::string> lines;
    bool has_compositor = true;
    bool viewporter = true;
    bool fractional_scale = false;
    bool explicit_sync = false;  // of a compositor that refuses timelines
    std::vector<wayland::PlayedTimeline*> timelines;
    std::unique_ptr<test::QemuDisplay> qemu = std::make_unique<test::QemuDisplay>();
    std::vector<std::unique_ptr<test::Compositor>> screens;
    std::unique_ptr<Viewer> viewer;
    bool over = false;
    const std::vector<UniqueFd> memory = [] {
        std::vector<UniqueFd> all;
        for (int i = 0; i < 8; ++i)
            all.push_back(create_sealed_memfd("guest-buffer", 128 * 128 * 4).value());
        return all;
    }();
};

}  // namespace viaduct::viewer
