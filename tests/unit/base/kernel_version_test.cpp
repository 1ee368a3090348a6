#include "base/kernel_version.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

TEST(KernelVersion, TheFirstNumbersOfAText) {
    EXPECT_EQ(KernelVersion::in("6.12.78-amd64"), (KernelVersion{6, 12, 78}));
    EXPECT_EQ(KernelVersion::in("7.0-rc3"), (KernelVersion{7, 0, 0}));
    EXPECT_EQ(KernelVersion::in("QEMU emulator version 11.0.2 (Debian)"),
              (KernelVersion{11, 0, 2}));
    EXPECT_FALSE(KernelVersion::in("none").known());
    EXPECT_LT((KernelVersion{6, 9, 99}), (KernelVersion{6, 16, 0}));
}

}  // namespace
}  // namespace viaduct
