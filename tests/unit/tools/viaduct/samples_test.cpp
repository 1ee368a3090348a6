#include "tools/viaduct/samples.h"

#include <gtest/gtest.h>

#include "tools/viaduct/figures.h"

namespace viaduct::tool {
namespace {

TEST(Samples, AreReadWithTheirLabels) {
    const auto samples = parse_samples(
        "# HELP a text\na{x=\"1\",y=\"q\\\"r\\\\\"} 2.5\nnonsense\nb{x=\"1\" 3\nc{x=\"unended} 1\n"
        "d{} 4\ne{x=\"1\"} many\n");
    ASSERT_EQ(samples.size(), 2u);
    EXPECT_EQ(samples[0].name, "a");
    EXPECT_EQ(samples[0].labels.at("y"), "q\"r\\");
    EXPECT_EQ(samples[0].value, 2.5);
    EXPECT_EQ(samples[1].name, "d");
}

TEST(Samples, OfSeveralVmsHaveEachFamilyOnce) {
    const std::string one =
        "# HELP a x\n# TYPE a gauge\na{pid=\"1\"} 1\n# HELP b y\n# TYPE b gauge\n";
    const std::string two = "# HELP a x\n# TYPE a gauge\na{pid=\"2\"} 2\n";
    EXPECT_EQ(merge_expositions({one, two}),
              "# HELP a x\n# TYPE a gauge\na{pid=\"1\"} 1\na{pid=\"2\"} 2\n# HELP b y\n"
              "# TYPE b gauge\n");
}

TEST(Figures, PercentilesAreUpperBounds) {
    RingFigures ring;
    EXPECT_EQ(percentile(ring, 0.5), 0);
    ring.latency = {{0.001, 50}, {0.002, 98}, {0.004, 99}, {1e300 * 1e300, 100}};
    EXPECT_EQ(percentile(ring, 0.5), 0.001);
    EXPECT_EQ(percentile(ring, 0.99), 0.004);
    EXPECT_EQ(percentile(ring, 1.0), 0.004) << "the last bound there is";
}

TEST(Figures, ShowUnits) {
    EXPECT_EQ(show_bytes(0), "0B");
    EXPECT_EQ(show_bytes(1536), "1.5K");
    EXPECT_EQ(show_bytes(256 << 20), "256M");
    EXPECT_EQ(show_seconds(0), "-");
    EXPECT_EQ(show_seconds(0.0000042), "4us");
    EXPECT_EQ(show_seconds(0.5), "500.0ms");
}

}  // namespace
}  // namespace viaduct::tool
