#include "tools/viaduct/checks.h"

#include "fake_host.h"

namespace viaduct::tool {
namespace {

TEST_F(Checks, EveryOneFindsSomethingOnAnEmptyHostAndSaysWhatToDo) {
    host_.can_make_namespace = [] { return false; };
    for (const Check& check : checks()) {
        const auto findings = check.run(host_);
        EXPECT_FALSE(findings.empty()) << check.name;
        for (const Finding& finding : findings) {
            EXPECT_FALSE(finding.text.empty()) << check.name;
            EXPECT_EQ(finding.fix.empty(), finding.verdict == Verdict::kOk) << finding.text;
        }
    }
}

TEST_F(Checks, Gpu) {
    EXPECT_EQ(first("gpu").verdict, Verdict::kWarn);
    host_.gpu = "sim:renoir";
    EXPECT_EQ(first("gpu").verdict, Verdict::kOk);
    host_.gpu.clear();
    node("renderD128", "amdgpu");
    EXPECT_EQ(first("gpu").verdict, Verdict::kOk);
    EXPECT_EQ(first("permission").verdict, Verdict::kOk);
    node("renderD127", "nouveau");
    EXPECT_EQ(first("gpu").verdict, Verdict::kWarn);
}

TEST_F(Checks, Kernel) {
    file("proc/sys/kernel/osrelease", "6.13.1-generic\n");
    EXPECT_EQ(first("kernel").verdict, Verdict::kOk);
    file("proc/sys/kernel/osrelease", "6.1.0-25-amd64\n");
    EXPECT_EQ(first("kernel").verdict, Verdict::kWarn);
    file("proc/sys/kernel/osrelease", "7.0\n");
    EXPECT_EQ(first("kernel").verdict, Verdict::kOk);
}

TEST_F(Checks, KernelsThatStopAVmOnArm) {
    const auto verdict_of = [this](const char* machine, const char* release) {
        file("proc/sys/kernel/arch", std::string(machine) + "\n");
        file("proc/sys/kernel/osrelease", std::string(release) + "\n");
        return first("kernel").verdict;
    };
    EXPECT_EQ(verdict_of("aarch64", "7.1.5-400.asahi"), Verdict::kWarn);
    EXPECT_EQ(verdict_of("aarch64", "7.2.2"), Verdict::kWarn);
    EXPECT_EQ(verdict_of("aarch64", "7.0.13"), Verdict::kOk);
    EXPECT_EQ(verdict_of("aarch64", "7.2.3"), Verdict::kOk);
    EXPECT_EQ(verdict_of("x86_64", "7.1.5"), Verdict::kOk);
    EXPECT_EQ(verdict_of("x86_64", "6.12.99"), Verdict::kWarn);
}

TEST_F(Checks, Library) {
    file("proc/77/comm", "qemu\n");
    file("proc/77/maps",
         "7f00-7f01 r--p 0 08:01 1  /bin/qemu\n7f02-7f03 r-xp 0 08:01 2  "
         "/l/libvirglrenderer.so.1\n");
    EXPECT_EQ(first("library").verdict, Verdict::kWarn);
    file("proc/77/maps",
         "7f00-7f01 r--p 0 08:01 1  /usr/lib/libvirglrenderer.so.1.9\n"
         "7f02-7f03 r-xp 0 08:01 2  /l/libvirglrenderer.so.1\n");
    file("proc/77/root/l/libvirglrenderer.so.1", "xx Viaduct plays libvirglrenderer.so.1 xx");
    EXPECT_EQ(first("library").verdict, Verdict::kOk);
    EXPECT_NE(first("library").text.find("qemu (process 77)"), std::string::npos);
}

TEST_F(Checks, Qemu) {
    std::optional<std::string> properties;
    host_.output_of = [&](const std::string& command) -> std::optional<std::string> {
        if (command.ends_with(" --version")) return "QEMU emulator version 10.0.13 (Debian)\n";
        return properties;
    };
    EXPECT_NE(first("qemu").fix.find("qemu-system-modules-opengl"), std::string::npos);
    properties = "  blob=<bool>\n";
    EXPECT_EQ(first("qemu").verdict, Verdict::kWarn);
    properties = "  blob=<bool>\n  drm_native_context=<bool>\n";
    EXPECT_EQ(first("qemu").verdict, Verdict::kOk) << "whatever its version";
}

TEST_F(Checks, LandlockIsReportedAndItsLackIsNoFault) {
    EXPECT_EQ(first("landlock").verdict, Verdict::kOk);
    EXPECT_TRUE(first("landlock").text.starts_with("no Landlock")) << first("landlock").text;
    host_.landlock = 7;
    EXPECT_TRUE(first("landlock").text.starts_with("Landlock 7")) << first("landlock").text;
    host_.can_make_namespace = [] { return false; };
    EXPECT_NE(first("namespaces").text.find("filter and Landlock only"), std::string::npos);
}

TEST_F(Checks, NamespacesNameTheSwitchThatIsOff) {
    host_.can_make_namespace = [] { return false; };
    file("proc/sys/kernel/unprivileged_userns_clone", "0\n");
    EXPECT_NE(first("namespaces").fix.find("unprivileged_userns_clone=1"), std::string::npos);
    file("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
    EXPECT_NE(first("namespaces").fix.find("apparmor"), std::string::npos);
}

TEST_F(Checks, MemoryAndSettings) {
    file("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    2097152 kB\n");
    EXPECT_EQ(first("memory").verdict, Verdict::kOk);
    file("proc/meminfo", "MemAvailable: 1024 kB\n");
    EXPECT_EQ(first("memory").verdict, Verdict::kWarn);
    host_.settings_error = [] { return std::string("x.toml:3: nonsense"); };
    EXPECT_EQ(first("settings").verdict, Verdict::kFail);
}

TEST_F(Checks, UdmabufsLimits) {
    EXPECT_EQ(first("udmabuf").verdict, Verdict::kWarn);
    file("dev/udmabuf");
    EXPECT_EQ(first("udmabuf").verdict, Verdict::kOk);
    file("sys/module/udmabuf/parameters/list_limit", "1024\n");
    file("sys/module/udmabuf/parameters/size_limit_mb", "64\n");
    EXPECT_NE(find("udmabuf", "64 MiB in 1024 pieces").fix.find("size_limit_mb="),
              std::string::npos);
    file("sys/module/udmabuf/parameters/list_limit", "65536\n");
    file("sys/module/udmabuf/parameters/size_limit_mb", "4096\n");
    EXPECT_EQ(find("udmabuf", "4096 MiB").verdict, Verdict::kOk);
}

TEST_F(Checks, Mappings) {
    file("proc/sys/vm/max_map_count", "65530\n");
    EXPECT_EQ(first("mappings").verdict, Verdict::kWarn);
    EXPECT_NE(first("mappings").fix.find("vm.max_map_count=1048576"), std::string::npos);
    file("proc/sys/vm/max_map_count", "1048576\n");
    EXPECT_EQ(first("mappings").verdict, Verdict::kOk);
}

TEST(HostView, ReadsTheKernelsSettings) {
    EXPECT_NE(HostView{}.read("/proc/sys/kernel/osrelease"), "");
}

}  // namespace
}  // namespace viaduct::tool
