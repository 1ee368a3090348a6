#include "drm-context/device/host_memory_types.h"

#include <gtest/gtest.h>

#include "base/kernel_version.h"

namespace viaduct {
namespace {

constexpr const char* kFlag = "qemu-system-x86_64 -accel kvm,honor-guest-pat=on -m 4G";

TEST(GuestPat, IsIgnoredByVmxUnlessKernelAndVmmAgree) {
    struct Case {
        const char* vendor;
        const char* kernel;
        const char* command_line;
        GuestPat expected;
    };
    for (const Case& c : {
             Case{"AuthenticAMD", "6.1.0", "", GuestPat::kHonored},
             Case{"HygonGenuine", "6.1.0", "", GuestPat::kHonored},
             Case{"", "6.1.0", "", GuestPat::kHonored},
             Case{"GenuineIntel", "6.18.2-amd64", "qemu-system-x86_64", GuestPat::kIgnored},
             Case{"GenuineIntel", "6.18.2-amd64", kFlag, GuestPat::kHonored},
             Case{"GenuineIntel", "6.18.2", "qemu -accel tcg -accel accel=kvm,honor-guest-pat=on",
                  GuestPat::kHonored},
             Case{"GenuineIntel", "6.18.2", "qemu -accel kvm -accel kvm,honor-guest-pat=on",
                  GuestPat::kIgnored},
             Case{"GenuineIntel", "6.18.2", "qemu -accel kvm,honor-guest-pat=off",
                  GuestPat::kIgnored},
             Case{"GenuineIntel", "6.18.2", "qemu -name honor-guest-pat=on -accel kvm",
                  GuestPat::kIgnored},
             Case{"GenuineIntel", "6.16.0", kFlag, GuestPat::kHonored},
             Case{"GenuineIntel", "6.15.9", kFlag, GuestPat::kIgnored},
             Case{"GenuineIntel", "6.12.78-deb13", kFlag, GuestPat::kHonored},
             Case{"GenuineIntel", "6.12.77-deb13", kFlag, GuestPat::kIgnored},
             Case{"GenuineIntel", "6.13.1", kFlag, GuestPat::kIgnored},
             Case{"CentaurHauls", "6.18.2", "", GuestPat::kIgnored},
             Case{"GenuineIntel", "", kFlag, GuestPat::kIgnored},
         }) {
        const auto answer = guest_pat({c.vendor, c.kernel, c.command_line, ""});
        EXPECT_EQ(answer.pat, c.expected) << c.vendor << " " << c.kernel << " " << c.command_line;
        EXPECT_FALSE(answer.reason.empty());
    }
}

TEST(GuestPat, TheEnvironmentGoesFirst) {
    EXPECT_EQ(guest_pat({"GenuineIntel", "6.1", "", "honored"}).pat, GuestPat::kHonored);
    EXPECT_EQ(guest_pat({"AuthenticAMD", "6.18", "", "ignored"}).pat, GuestPat::kIgnored);
    EXPECT_EQ(guest_pat({"AuthenticAMD", "6.18", "", "nonsense"}).pat, GuestPat::kHonored);
}

TEST(GuestPat, FactsOfThisProcess) {
    const GuestPatFacts facts = guest_pat_facts_here();
#if defined(__x86_64__)
    EXPECT_EQ(facts.cpu_vendor.size(), 12u);
#endif
    EXPECT_TRUE(KernelVersion::in(facts.kernel_release).known());
    EXPECT_NE(facts.command_line.find("drm-context-test"), std::string::npos);
}

}  // namespace
}  // namespace viaduct
