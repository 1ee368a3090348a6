// Shows a running QEMU's screen in a window of the tests' compositor, and compares.
//
//   show-qemu QMP PPM     the picture that the compositor gets is the one in PPM (QEMU's
//   screendump)
#include <gtest/gtest.h>
#include <poll.h>

#include <ctime>
#include <fstream>

#include "display/viewer/qmp.h"
#include "display/viewer/viewer.h"
#include "tests/support/compositor/compositor.h"

namespace viaduct::viewer {
namespace {

std::string qmp_path;
std::string ppm_path;

int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// A binary PPM's pixels as XRGB8888.
std::vector<uint32_t> read_ppm() {
    std::ifstream file(ppm_path, std::ios::binary);
    std::string magic;
    size_t width = 0;
    size_t height = 0;
    unsigned most = 0;
    file >> magic >> width >> height >> most;
    EXPECT_EQ(magic, "P6");
    EXPECT_EQ(most, 255U);
    file.get();
    std::vector<uint32_t> pixels(width * height);
    for (uint32_t& pixel : pixels)
        for (int i = 0; i < 3; ++i) pixel = pixel << 8 | static_cast<uint8_t>(file.get());
    EXPECT_TRUE(file);
    return pixels;
}

TEST(Qemu, ItsScreenIsWhatTheCompositorGets) {
    const auto expected = read_ppm();
    ASSERT_FALSE(expected.empty());
    test::CompositorOffers offers;
    offers.seat = true;
    test::Compositor screen(std::move(offers));
    Viewer::Options options;
    options.connect_bus = [](wayland::Watches& watches) -> Result<Connecting> {
        return QmpHandshake::begin(qmp_path, watches);
    };
    options.head.connect = [&] { return wayland::Connection::adopt(screen.connect()); };
    options.head.clock = now_ns;
    Viewer viewer(std::move(options));
    bool configured = false;
    while (viewer.turn()) {
        screen.turn();
        if (!configured && screen.toplevel) {
            screen.configure(0, 0);
            configured = true;
        }
        if (!screen.commits.empty() && screen.commits.back().attached) break;
        pollfd ready[] = {{viewer.fd(), POLLIN, 0}, {screen.fd(), POLLIN, 0}};
        ::poll(ready, 2, 100);
    }
    ASSERT_TRUE(viewer.outcome()) << viewer.outcome().error().message;
    ASSERT_EQ(screen.error, "");
    auto shown = screen.commits.back().pixels;
    for (uint32_t& pixel : shown) pixel &= 0xffffff;
    EXPECT_TRUE(shown == expected) << shown.size() << " and " << expected.size() << " pixels";
}

}  // namespace
}  // namespace viaduct::viewer

int main(int count, char** arguments) {
    ::testing::InitGoogleTest(&count, arguments);
    if (count != 3) return 2;
    viaduct::viewer::qmp_path = arguments[1];
    viaduct::viewer::ppm_path = arguments[2];
    return RUN_ALL_TESTS();
}
