#include "drm-context/device/busy_times.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "drm-context/device/busy_reader.h"
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

TEST(BusyReader, LearnsHowLongACycleTakes) {
    BusyReader reader;
    const char* first = "drm-cycles-rcs:\t100\ndrm-total-cycles-rcs:\t5000\n";
    EXPECT_EQ(reader.read(first, 1'000'000), BusyTimes{}) << "not known yet";
    const char* second =
        "drm-cycles-rcs:\t1100\ndrm-total-cycles-rcs:\t7000\ndrm-engine-capacity-vcs:\t2\n"
        "drm-cycles-bcs:\t20\ndrm-total-cycles-bcs:\t7000\ndrm-cycles-vecs:\t3\n";
    EXPECT_EQ(reader.read(second, 1'100'000), (BusyTimes{55'000, 0, 1'000, 150})) << "50 ns each";
    EXPECT_EQ(reader.read("drm-engine-gfx:\t7 ns\n", 3'000'000), (BusyTimes{7, 0, 0, 0}));
}

TEST(BusyReader, GoesOnWhenTheTimestampBeginsAnew) {
    BusyReader reader;
    reader.read("drm-cycles-rcs:\t100\ndrm-total-cycles-rcs:\t5000\n", 1'000'000);
    ASSERT_EQ(reader.read("drm-cycles-rcs:\t1100\ndrm-total-cycles-rcs:\t7000\n", 1'100'000),
              (BusyTimes{55'000, 0, 0, 0}))
        << "50 ns each";
    EXPECT_EQ(reader.read("drm-cycles-rcs:\t1100\ndrm-total-cycles-rcs:\t10\n", 2'000'000),
              (BusyTimes{55'000, 0, 0, 0}))
        << "nothing was executed since";
    EXPECT_EQ(reader.read("drm-cycles-rcs:\t1300\ndrm-total-cycles-rcs:\t410\n", 2'020'000),
              (BusyTimes{65'000, 0, 0, 0}));
    EXPECT_EQ(reader.read("drm-cycles-rcs:\t1400\ndrm-total-cycles-rcs:\t5\n", 9'000'000),
              (BusyTimes{70'000, 0, 0, 0}))
        << "what was executed since the last reading counts, too";
    EXPECT_EQ(reader.read("drm-cycles-rcs:\t1400\ndrm-total-cycles-rcs:\t2005\n", 9'100'000),
              (BusyTimes{70'000, 0, 0, 0}));
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
