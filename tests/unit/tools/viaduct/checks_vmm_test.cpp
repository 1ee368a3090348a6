// `viaduct doctor`'s checks of running machine monitors, and of its own place in a guest.
#include "fake_host.h"
#include "tools/viaduct/vmm_view.h"

namespace viaduct::tool {
namespace {

constexpr const char* kDevice = "virtio-vga-gl,blob=on,hostmem=8G,drm_native_context=on";

TEST_F(Checks, RunningVmmsAreThoseWithAGpu) {
    process("10", "qemu-system-x86", {"qemu-system-x86_64", "-device", kDevice});
    process("11", "qemu-system-x86", {"qemu-system-x86_64", "-device", "virtio-net-pci"});
    process("12", "grep", {"grep", "virtio-vga-gl"});
    process("13", "crosvm", {"crosvm", "run"});
    file("proc/13/maps", "7f00-7f01 r-xp 0 08:01 2  /l/libvirglrenderer.so.1\n");
    const auto vmms = running_vmms(host_);
    ASSERT_EQ(vmms.size(), 2u);
    EXPECT_EQ(vmms[0].name(), "qemu-system-x86 (process 10)");
    EXPECT_EQ(vmms[0].arguments.size(), 3u);
    EXPECT_EQ(vmms[1].program, "crosvm");
    find("library", "another user's");
}

/// Names of what runs, with a comma between.
std::string names_of(const std::vector<VmmView>& vmms) {
    std::string names;
    for (const VmmView& vmm : vmms) names += (names.empty() ? "" : ", ") + vmm.name();
    return names;
}

constexpr const char* kOurs = "/opt/viaduct/lib/libvirglrenderer.so.1";
constexpr const char* kTheirs = "/usr/lib/libvirglrenderer.so.1.9";

std::string maps_of(std::initializer_list<const char*> paths) {
    std::string maps = "55a0-55a1 r-xp 00000000 08:01 1    /usr/bin/program\n";
    for (const char* path : paths)
        maps += std::string("7f00-7f01 r-xp 00000000 08:01 2    ") + path + "\n";
    return maps;
}

// The sandbox gives each device a process, with the first one's command line and libraries.
TEST_F(Checks, ACrosvmIsTheProcessOfItsGpu) {
    for (const char* pid : {"20", "21", "22"})
        file("proc/" + std::string(pid) + "/maps", maps_of({kTheirs}));
    process("20", "crosvm", {"/usr/bin/crosvm", "run", "--gpu", "backend=virglrenderer"});
    process("21", "pcivirtio-block", {"/usr/bin/crosvm", "run", "--gpu", "backend=virglrenderer"});
    process("22", "pcivirtio-gpu", {"/usr/bin/crosvm", "run", "--gpu", "backend=virglrenderer"});
    EXPECT_EQ(names_of(running_vmms(host_)), "crosvm (process 22)");
    process("23", "crosvm", {"crosvm", "run", "--disable-sandbox", "--gpu", "2d"});
    EXPECT_EQ(names_of(running_vmms(host_)), "crosvm (process 22), crosvm (process 23)");
    EXPECT_EQ(find("library", "process 22").verdict, Verdict::kWarn);
    find("library", "process 23): another user's");
    file("proc/23/maps", maps_of({}));
    EXPECT_EQ(find("library", "process 23) has no libvirglrenderer.so.1").verdict, Verdict::kOk);
    file("proc/23/maps", maps_of({kTheirs, kOurs}));
    file("proc/23/root" + std::string(kOurs), "Viaduct plays libvirglrenderer.so.1");
    find("library", "crosvm (process 23) uses Viaduct: " + std::string(kOurs));
}

TEST_F(Checks, ProgramsWithLibkrun) {
    process("30", "muvm", {"muvm", "steam"});
    process("31", "crun", {"crun", "create"});
    file("proc/31/maps", maps_of({"/usr/lib64/libkrun.so.1.18.0"}));
    process("32", "example", {"./example"});
    file("proc/32/maps", maps_of({"/usr/lib64/libkrun.so.1", kOurs}));
    file(std::string(kOurs).substr(1), "Viaduct plays libvirglrenderer.so.1");
    process("33", "bash", {"bash"});
    file("proc/33/maps", maps_of({"/usr/lib/libc.so.6"}));
    EXPECT_EQ(names_of(running_vmms(host_)),
              "muvm (process 30), crun (process 31), example (process 32)");
    find("library", "muvm (process 30): another user's");
    find("library", "built without GPU=1");
    EXPECT_EQ(find("library", "process 32) uses Viaduct").verdict, Verdict::kOk);
    file("proc/31/limits", "Max open files            1024                 1024     files\n");
    EXPECT_EQ(first("open-files").verdict, Verdict::kOk) << "it has no GPU";
}

TEST_F(Checks, HostmemAsTheCommandLinesWriteIt) {
    const auto hostmem_of = [this](const char* argument) {
        process("10", "qemu-system-x86", {"qemu-system-x86_64", "-device", argument});
        return running_vmms(host_).at(0).hostmem();
    };
    EXPECT_EQ(hostmem_of(kDevice), uint64_t{8} << 30);
    EXPECT_EQ(hostmem_of("virtio-gpu-gl-pci,hostmem=512M"), uint64_t{512} << 20);
    EXPECT_EQ(hostmem_of("virtio-gpu-gl-pci,hostmem=4294967296"), uint64_t{4} << 30);
    EXPECT_EQ(hostmem_of(R"({"driver":"virtio-vga-gl","hostmem":8589934592,"id":"video0"})"),
              uint64_t{8} << 30);
    EXPECT_EQ(hostmem_of("virtio-vga-gl,blob=on"), 0u);
}

TEST_F(Checks, HostmemAgainstTheHeap) {
    EXPECT_EQ(first("hostmem").verdict, Verdict::kOk) << "no VMM";
    process("10", "qemu-system-x86", {"qemu-system-x86_64", "-device", kDevice});
    EXPECT_EQ(first("hostmem").verdict, Verdict::kOk) << "no card: nothing to compare with";
    node("renderD128", "amdgpu", "0000:03:00.0");
    attribute("renderD128", "mem_info_vram_total", "17163091968\n");
    attribute("renderD128", "mem_info_gtt_total", "16626974720\n");
    EXPECT_EQ(first("hostmem").verdict, Verdict::kWarn);
    find("hostmem", "is shown 31.5 GiB");
    EXPECT_NE(first("hostmem").fix.find("hostmem=32G"), std::string::npos) << first("hostmem").fix;
    file("proc/10/environ", std::string("A=b\0VIADUCT_GPU_MEMORY=4G\0", 26));
    EXPECT_EQ(first("hostmem").verdict, Verdict::kOk) << "its heap has a limit";
    file("proc/10/environ", "");
    process("10", "qemu-system-x86", {"qemu", "-device", "virtio-vga-gl,blob=on,hostmem=32G"});
    EXPECT_EQ(first("hostmem").verdict, Verdict::kOk);
    process("10", "qemu-system-x86", {"qemu", "-device", "virtio-vga-gl,blob=on"});
    EXPECT_EQ(first("hostmem").verdict, Verdict::kFail);
}

TEST_F(Checks, GuestPatOnAnIntelHost) {
    file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t: 1\n");
    file("proc/sys/kernel/osrelease", "6.12.40\n");
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kWarn);
    EXPECT_NE(first("guest-pat").fix.find("Linux 6.16"), std::string::npos);
    file("proc/sys/kernel/osrelease", "6.18.1\n");
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kOk) << "no VMM runs";
    process("10", "qemu-system-x86", {"qemu", "-enable-kvm", "-device", kDevice});
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kWarn);
    EXPECT_NE(first("guest-pat").fix.find("honor-guest-pat=on"), std::string::npos);
    process("10", "qemu-system-x86",
            {"qemu", "-accel", "kvm,honor-guest-pat=on", "-device", kDevice});
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kOk);
    process("10", "qemu-system-x86", {"qemu", "-accel", "tcg", "-device", kDevice});
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kOk) << "an emulator has no KVM";
}

TEST_F(Checks, GuestPatOnAnAmdHost) {
    file("proc/cpuinfo", "vendor_id\t: AuthenticAMD\n");
    file("proc/sys/kernel/osrelease", "6.12.40\n");
    process("10", "qemu-system-x86", {"qemu", "-enable-kvm", "-device", kDevice});
    EXPECT_EQ(first("guest-pat").verdict, Verdict::kOk);
}

TEST_F(Checks, OpenFilesOfAVmm) {
    process("10", "qemu-system-x86", {"qemu", "-device", kDevice});
    file("proc/10/limits",
         "Limit                     Soft Limit           Hard Limit           Units     \n"
         "Max open files            1024                 524288               files     \n");
    EXPECT_EQ(first("open-files").verdict, Verdict::kWarn);
    find("open-files", "1024 files open (hard limit 524288)");
    file("proc/10/limits", "Max open files            524288               524288    files\n");
    EXPECT_EQ(first("open-files").verdict, Verdict::kOk);
    file("proc/10/limits", "Max open files            unlimited            unlimited files\n");
    EXPECT_EQ(first("open-files").verdict, Verdict::kOk);
}

TEST_F(Checks, UefiFirmwareAndSuspend) {
    process("10", "qemu-system-x86", {"qemu", "-device", kDevice});
    EXPECT_EQ(first("firmware").verdict, Verdict::kOk);
    EXPECT_EQ(first("suspend").verdict, Verdict::kWarn);
    process("10", "qemu-system-x86",
            {"qemu", "-device", kDevice, "-drive", "if=pflash,file=x.fd", "-global",
             "ICH9-LPC.disable_s3=1"});
    EXPECT_EQ(first("firmware").verdict, Verdict::kWarn);
    EXPECT_EQ(first("suspend").verdict, Verdict::kOk);
}

class InAGuest : public Checks {
  protected:
    InAGuest() {
        node("renderD128", "virtio_gpu");
        // Below the virtio device's parent, the PCI device.
        file("sys/devices/resource",
             "0x00000000c1000000 0x00000000c17fffff 0x0000000000042208\n"
             "0x0000380000000000 0x00003801ffffffff 0x000000000014220c\n");
    }
};

TEST_F(InAGuest, TheFirmwareMadeTheWindowUncached) {
    file("proc/mtrr",
         "reg00: base=0x080000000 ( 2048MB), size= 2048MB, count=1: uncachable\n"
         "reg01: base=0x380000000000 (58720256MB), size=262144MB, count=1: uncachable\n");
    const Finding uncached = find("guest", "0x380000000000");
    EXPECT_EQ(uncached.verdict, Verdict::kWarn);
    EXPECT_NE(uncached.fix.find("SeaBIOS"), std::string::npos);
}

TEST_F(InAGuest, AWindowThatCanBeCached) {
    file("proc/mtrr",
         "reg00: base=0x080000000 ( 2048MB), size= 2048MB, count=1: uncachable\n"
         "reg01: base=0x380000000000 (58720256MB), size=262144MB, count=1: "
         "write-back\n");
    EXPECT_EQ(find("guest", "can be cached").verdict, Verdict::kOk);
}

TEST_F(InAGuest, SuspendingLosesTheGpu) {
    EXPECT_EQ(find("guest", "suspending this guest").verdict, Verdict::kWarn);
    link("etc/systemd/system/suspend.target", "/dev/null");
    EXPECT_EQ(find("guest", "does not suspend").verdict, Verdict::kOk);
}

}  // namespace
}  // namespace viaduct::tool
