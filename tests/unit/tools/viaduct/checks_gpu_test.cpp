// `viaduct doctor`'s checks of a host's cards.
#include "fake_host.h"

namespace viaduct::tool {
namespace {

constexpr const char* kBig = "renderD128";

TEST_F(Checks, ChoiceNamesTheGpuThatFitsAndWhy) {
    EXPECT_EQ(first("choice").verdict, Verdict::kOk);
    node("renderD128", "nouveau", "0000:00:02.0");
    EXPECT_NE(first("choice").text.find("no GPU"), std::string::npos);
    node("renderD129", "amdgpu", "0000:03:00.0");
    EXPECT_EQ(first("choice").verdict, Verdict::kOk) << "one fits";
    find("choice", "/dev/dri/renderD129 (amdgpu, 0000:03:00.0): the first GPU");
}

TEST_F(Checks, ChoiceAmongSeveralGpusIsToBeNamed) {
    node("renderD1024", "amdgpu", "0000:0c:00.0");
    node("renderD128", "amdgpu", "0000:03:00.0");
    const Finding two = first("choice");
    EXPECT_EQ(two.verdict, Verdict::kWarn);
    EXPECT_NE(two.text.find("without a display on /dev/dri/renderD128,"), std::string::npos)
        << two.text << ": 128 comes before 1024";
    EXPECT_NE(two.fix.find("VIADUCT_GPU=pci:0000:03:00.0"), std::string::npos) << two.fix;
    host_.gpu = "pci:0000:0c:00.0";
    EXPECT_EQ(first("choice").verdict, Verdict::kOk);
    find("choice",
         "renderD1024 (amdgpu, 0000:0c:00.0): VIADUCT_GPU names it; another process can have "
         "/dev/dri/renderD128 (amdgpu, 0000:03:00.0)");
    host_.gpu = "/dev/dri/renderD129";
    EXPECT_EQ(first("choice").verdict, Verdict::kFail);
    host_.gpu = "sim:renoir";
    EXPECT_EQ(first("choice").verdict, Verdict::kOk);
}

TEST_F(Checks, ChoiceNamesTheGpusOfBothVendors) {
    node("renderD128", "i915", "0000:00:02.0");
    node("renderD129", "amdgpu", "0000:03:00.0");
    find("choice",
         "2 GPUs fit (/dev/dri/renderD128 (i915, 0000:00:02.0), /dev/dri/renderD129 "
         "(amdgpu, 0000:03:00.0))");
    host_.gpu = "/dev/dri/renderD128";
    find("choice", "can have /dev/dri/renderD129 (amdgpu, 0000:03:00.0)");
}

TEST_F(Checks, BarSmallerThanVram) {
    EXPECT_EQ(first("bar").verdict, Verdict::kOk) << "no card";
    node(kBig, "amdgpu", "0000:03:00.0");
    EXPECT_NE(first("bar").text.find("unknown"), std::string::npos);
    attribute(kBig, "mem_info_vram_total", "17163091968\n");
    attribute(kBig, "mem_info_vis_vram_total", "268435456\n");
    EXPECT_EQ(first("bar").verdict, Verdict::kWarn);
    find("bar", "256 MiB of 16368 MiB");
    EXPECT_NE(first("bar").fix.find("Resizable BAR"), std::string::npos);
    attribute(kBig, "mem_info_vis_vram_total", "17163091968\n");
    EXPECT_EQ(first("bar").verdict, Verdict::kOk);
}

TEST_F(Checks, BarBySizeOfTheResourceWhereAmdgpuDoesNotShowIt) {
    node(kBig, "amdgpu", "0000:03:00.0");
    attribute(kBig, "mem_info_vram_total", "8388608\n");
    attribute(kBig, "resource0", std::string(1 << 20, 'x'));
    EXPECT_EQ(first("bar").verdict, Verdict::kWarn);
    find("bar", "1 MiB of 8 MiB");
}

TEST_F(Checks, PowerOfACardThatSleeps) {
    node(kBig, "amdgpu", "0000:03:00.0");
    EXPECT_EQ(first("power").verdict, Verdict::kOk) << "unknown";
    attribute(kBig, "power/control", "auto\n");
    attribute(kBig, "power/runtime_status", "suspended\n");
    EXPECT_EQ(first("power").verdict, Verdict::kWarn);
    find("power", "and does now");
    EXPECT_NE(first("power").fix.find("echo on > /sys/class/drm/renderD128/device/power/control"),
              std::string::npos)
        << first("power").fix;
    file("sys/module/amdgpu/parameters/runpm", "0\n");
    EXPECT_EQ(first("power").verdict, Verdict::kOk);
    file("sys/module/amdgpu/parameters/runpm", "-1\n");
    attribute(kBig, "power/control", "on\n");
    EXPECT_EQ(first("power").verdict, Verdict::kOk);
}

TEST_F(Checks, LockupTimeOut) {
    EXPECT_EQ(first("lockup").verdict, Verdict::kOk) << "not loaded";
    file("sys/module/amdgpu/parameters/lockup_timeout", "\n");
    file("proc/sys/kernel/osrelease", "6.18.1\n");
    find("lockup", "10 s (compute: 60 s");
    file("proc/sys/kernel/osrelease", "7.0.1\n");
    find("lockup", "for 2 s");
    file("sys/module/amdgpu/parameters/lockup_timeout", "5000,10000\n");
    find("lockup", "5000,10000 ms");
    file("sys/module/amdgpu/parameters/lockup_timeout", "10000,-1\n");
    EXPECT_EQ(first("lockup").verdict, Verdict::kWarn);
}

}  // namespace
}  // namespace viaduct::tool
