#include "drm-context/device/job_timeout.h"

#include <gtest/gtest.h>

#include "simgpu/amd/kernel/recovery.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;

// Of Linux 6.13: 10 s, compute 60 s.
constexpr JobTimeout kDefault = 60s;

TEST(JobTimeout, IsTheLongestOfTheModuleParameter) {
    const struct {
        std::string_view parameter;
        JobTimeout longest;
    } cases[] = {
        {"", kDefault},
        {"\n", kDefault},
        {"(null)\n", kDefault},
        {"2000,2000,2000,2000\n", 2s},
        {"10000,90000,10000,10000", 90s},
        {"120000", 120s},
        {"5000", kDefault},  // compute may keep its own
        {"5000,5000", 10s},  // sdma and video keep theirs
        {"5000,0,5000,5000", kDefault},
        {"0", kDefault},
        {"-1", kNoJobTimeout},
        {"5000,-1,5000,5000", kNoJobTimeout},
        {"0x1388,0x1388,0x1388,0x1388", 5s},
        {"9223372036854775807", kNoJobTimeout},
        {"99999999999999999999", kDefault},
        {"5000,,5000,5000", kDefault},
        {"5000,5000,5000,5000,-1", 5s},
        {"much", kDefault},
    };
    for (const auto& [parameter, longest] : cases)
        EXPECT_EQ(longest_lockup_timeout(parameter), longest) << '"' << parameter << '"';
}

TEST(JobTimeout, OfASimulatedGpuIsWhatItPublishes) {
    EXPECT_EQ(longest_job_timeout("amdgpu", /*simulated=*/true),
              longest_lockup_timeout(simgpu::amdgpu::lockup_timeout()));
}

TEST(JobTimeout, EveryGpuHasOne) {
    for (const char* driver : {"amdgpu", "i915", ""})
        for (const bool simulated : {false, true})
            EXPECT_GT(longest_job_timeout(driver, simulated), 0s) << driver;
}

}  // namespace
}  // namespace viaduct
