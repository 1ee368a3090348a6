#include "drm-context/device/busy_times.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "drm-context/device/fdinfo_file.h"

namespace viaduct {
namespace {

TEST(BusyTimes, AddUpTheEnginesOfAClass) {
    const BusyTimes times = parse_busy_times(
        "pos:\t0\ndrm-driver:\tamdgpu\ndrm-engine-gfx:\t1500 ns\ndrm-engine-compute:\t20 ns\n"
        "drm-engine-dma:\t3 ns\ndrm-engine-dec:\t7 ns\ndrm-engine-enc_1:\t8 ns\n");
    EXPECT_EQ(times, (BusyTimes{1500, 20, 3, 15}));
}

TEST(BusyTimes, IgnoreWhatIsNoTime) {
    for (const char* text :
         {"", "drm-engine-gfx", "drm-engine-gfx:", "drm-engine-gfx:\tmuch", "drm-engine-gfx:\t12",
          "drm-engine-capacity-gfx:\t4", "drm-engine-gfx:\t99999999999999999999999 ns",
          "drm-engine-teapot:\t5 ns", "drm-cycles-rcs:\t9", "drm-engine-gfx:\t5 us"})
        EXPECT_EQ(parse_busy_times(text), BusyTimes{}) << text;
}

TEST(FdinfoFile, ReadsAgainFromTheBeginning) {
    const UniqueFd info = open_fdinfo(STDIN_FILENO);
    if (::fcntl(STDIN_FILENO, F_GETFD) < 0) GTEST_SKIP() << "no standard input";
    ASSERT_TRUE(info);
    for (int i = 0; i < 2; ++i) {
        char text[5] = {};
        ASSERT_EQ(::lseek(info.get(), 0, SEEK_SET), 0);
        ASSERT_EQ(::read(info.get(), text, 4), 4);
        EXPECT_STREQ(text, "pos:");
    }
    EXPECT_FALSE(open_fdinfo(-1));
}

}  // namespace
}  // namespace viaduct
