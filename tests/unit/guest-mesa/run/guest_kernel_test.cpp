#include "guest-mesa/run/guest_kernel.h"

#include <gtest/gtest.h>

namespace viaduct::guest {
namespace {

TEST(GuestKernel, FaultsOfKnownReleases) {
    for (const char* fine : {"6.6.0", "6.12.48-deb13-amd64", "6.18.31", "6.19.4", "7.0.9", "7.3.0"})
        EXPECT_EQ(kernel_faults(fine), "") << fine;
    for (const char* faulty : {"6.18.32", "6.18.40-generic", "7.0.10", "7.1.0", "7.2.2"})
        EXPECT_NE(kernel_faults(faulty).find("imports dma-bufs"), std::string::npos) << faulty;
    EXPECT_NE(kernel_faults("6.1.0-25-amd64").find("Linux 6.6"), std::string::npos);
}

}  // namespace
}  // namespace viaduct::guest
