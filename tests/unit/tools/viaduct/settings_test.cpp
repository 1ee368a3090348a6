// Budgets, profiles, names and places (renderer/settings).
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "renderer/settings/metrics_paths.h"
#include "renderer/settings/profiles.h"
#include "renderer/settings/vm_name.h"

namespace viaduct {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    };
}

TEST(Sizes, AreReadAndWritten) {
    EXPECT_EQ(parse_size("0").value(), 0u);
    EXPECT_EQ(parse_size("256M").value(), 256u << 20);
    EXPECT_EQ(parse_size("2GiB").value(), 2ull << 30);
    EXPECT_EQ(parse_size("4KB").value(), 4096u);
    for (const char* text :
         {"", "M", "-1", "1Q", "1.5G", "16777216T", "1 G", "99999999999999999999"})
        EXPECT_FALSE(parse_size(text)) << text;
    EXPECT_EQ(format_size(256 << 20), "256M");
    EXPECT_EQ(format_size(1000), "1000");
}

constexpr char kFile[] = R"(
default = "half"
[profile.half]
description = "a half"
gpu_memory = "1G"
gpu_share = 50
queues = { gfx = 1, video = 0 }
[profile.open]
priority = "high"
contexts = 3
)";

TEST(Profiles, AreRead) {
    const auto profiles = parse_profiles(kFile, "p.toml").value();
    ASSERT_EQ(profiles.profiles.size(), 3u) << "and the built-in one";
    const Budget* half = profiles.find("half");
    ASSERT_NE(half, nullptr);
    EXPECT_EQ(half->context.vm_memory, 1u << 30);
    EXPECT_EQ(half->context.gpu_share, 50u);
    EXPECT_EQ(half->context.queues, (std::array<uint32_t, 4>{1, ContextLimits::kAllQueues,
                                                             ContextLimits::kAllQueues, 0}));
    EXPECT_EQ(profiles.find("open")->context.priority, PriorityCeiling::kHigh);
    EXPECT_EQ(profiles.find("none"), nullptr);
}

TEST(Profiles, TheEnvironmentChoosesAndChanges) {
    const auto profiles = parse_profiles(kFile, "p.toml").value();
    EXPECT_EQ(choose_budget(profiles, environment({}))->profile, "half");
    const auto budget = choose_budget(
        profiles, environment({{"VIADUCT_PROFILE", "open"}, {"VIADUCT_GPU_MEMORY", "64M"}}));
    ASSERT_TRUE(budget);
    EXPECT_EQ(budget->contexts, 3u);
    EXPECT_EQ(budget->context.vm_memory, 64u << 20);
    EXPECT_FALSE(choose_budget(profiles, environment({{"VIADUCT_PROFILE", "closed"}})));
    for (const BudgetKey& key : budget_keys()) {
        const auto bad = choose_budget(profiles, environment({{std::string(key.variable), "?!"}}));
        ASSERT_FALSE(bad) << key.variable;
        EXPECT_NE(bad.error().message.find(key.variable), std::string::npos);
    }
}

TEST(Profiles, WhatConcernsTheWholeGpuIsForbiddenUnlessItIsAllowed) {
    const auto profiles = parse_profiles(kFile, "p.toml").value();
    const auto allowed = [&](const char* text) {
        return choose_budget(profiles, environment({{"VIADUCT_ALLOW", text}}))->context;
    };
    const ContextLimits plain = choose_budget(profiles, environment({}))->context;
    EXPECT_TRUE(plain.allows(DeviceWide::kSensors));
    EXPECT_FALSE(plain.allows(DeviceWide::kPstate));
    EXPECT_FALSE(plain.allows(DeviceWide::kVmid));
    EXPECT_FALSE(plain.allows(DeviceWide::kOnChip));
    EXPECT_EQ(allowed("none").allowed, 0u);
    const ContextLimits some = allowed("pstate,gds");
    EXPECT_TRUE(some.allows(DeviceWide::kPstate));
    EXPECT_TRUE(some.allows(DeviceWide::kOnChip));
    EXPECT_FALSE(some.allows(DeviceWide::kVmid));
    EXPECT_FALSE(some.allows(DeviceWide::kSensors)) << "what is not named is forbidden";
    EXPECT_FALSE(choose_budget(profiles, environment({{"VIADUCT_ALLOW", "pstate,teapot"}})));
    for (const BudgetKey& key : budget_keys()) {
        if (key.key != "allow") continue;
        Budget budget;
        EXPECT_EQ(key.show(budget), "sensors");
        ASSERT_TRUE(key.set(budget, "vmid,sensors"));
        EXPECT_EQ(key.show(budget), "vmid,sensors");
        ASSERT_TRUE(key.set(budget, "none"));
        EXPECT_EQ(key.show(budget), "none");
    }
}

TEST(Profiles, DescriptorsAreHalfOfTheOpenFilesUnlessTheyAreSet) {
    const auto profiles = parse_profiles(kFile, "p.toml").value();
    const auto limit = [&](std::map<std::string, std::string> variables) {
        return choose_budget(profiles, environment(std::move(variables)))
            ->usage_limits()
            .descriptors;
    };
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{200, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(limit({}), 100u);
    EXPECT_EQ(limit({{"VIADUCT_DESCRIPTORS", "half"}}), 100u);
    EXPECT_EQ(limit({{"VIADUCT_DESCRIPTORS", "7"}}), 7u);
    EXPECT_EQ(limit({{"VIADUCT_DESCRIPTORS", "0"}}), 0u) << "no limit";
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Profiles, ComplaintsNameFileAndLine) {
    const std::pair<const char*, const char*> cases[] = {
        {"[profile.x]\ngpu_memory = \"12Q\"\n", "p.toml:2: gpu_memory = \"12Q\" is not a size"},
        {"[profile.x]\n\ngpu_memori = 1\n", "p.toml:3: unknown limit gpu_memori"},
        {"[profile.x]\ngpu_share = 101\n", "p.toml:2: gpu_share = \"101\" is not a share"},
        {"[profile.x]\ngpu_memory = \"1M\"\n", "p.toml:2:"},
        {"[profile.x]\nqueues = { teapot = 1 }\n", "p.toml:2:"},
        {"[profile.x]\ngpu_memory = 1.5\n", "p.toml:2: gpu_memory is neither"},
        {"profile = 3\n", "p.toml:1:"},
        {"\ndefault = \"y\"\n", "p.toml:2: profile \"y\" is not defined"},
        {"[profile.x\n", "p.toml:1:"},
    };
    for (const auto& [text, complaint] : cases) {
        const auto profiles = parse_profiles(text, "p.toml");
        ASSERT_FALSE(profiles) << text;
        EXPECT_TRUE(profiles.error().message.starts_with(complaint)) << profiles.error().message;
    }
}

TEST(Profiles, AFileThatWasAskedForMustBeThere) {
    EXPECT_FALSE(load_profiles(environment({{"VIADUCT_PROFILES", "/nonexistent.toml"}})));
}

bool change_root(const std::string& root) {
    return (::geteuid() == 0 || ::unshare(CLONE_NEWUSER) == 0) && ::chroot(root.c_str()) == 0;
}

/// The error of loading profiles in a process with this root directory; begins with "skip" where
/// the host does not allow it another one.
std::string complaint_below(const std::string& root, std::map<std::string, std::string> variables) {
    int ends[2];
    if (::pipe(ends) != 0) return "skip: no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
        std::string text = "skip: chroot";
        if (change_root(root)) {
            const auto profiles = load_profiles(environment(std::move(variables)));
            text = profiles ? "" : profiles.error().message;
        }
        (void)!::write(ends[1], text.data(), text.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    char text[1024];
    const ssize_t size = ::read(ends[0], text, sizeof(text));
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return {text, static_cast<size_t>(size > 0 ? size : 0)};
}

TEST(Profiles, AFileOutOfSightIsAnError) {  // crosvm's sandbox
    const std::string root = testing::TempDir() + "viaduct-root-" + std::to_string(::getpid());
    std::filesystem::create_directory(root);
    const std::string complaint = complaint_below(root, {{"HOME", "/home/anna"}});
    const std::string without = complaint_below(root, {{"VIADUCT_PROFILES", "none"}});
    std::filesystem::create_directory(root + "/etc");
    const std::string with_etc = complaint_below(root, {});
    std::filesystem::remove_all(root);
    if (complaint.starts_with("skip")) GTEST_SKIP() << complaint;
    EXPECT_TRUE(complaint.starts_with("this process has no /etc")) << complaint;
    EXPECT_NE(complaint.find("VIADUCT_PROFILES=none"), std::string::npos) << complaint;
    EXPECT_EQ(without, "") << "the user says that there are no others";
    EXPECT_EQ(with_etc, "") << "the host has no file";
}

TEST(VmName, OnTheCommandLine) {
    const auto name = [](std::initializer_list<const char*> arguments) {
        std::string line;
        for (const char* argument : arguments) line.append(argument).push_back('\0');
        return name_on_command_line(line);
    };
    EXPECT_EQ(name({"qemu", "-name", "guest=web,debug-threads=on"}), "web");
    EXPECT_EQ(name({"qemu", "-name", "web,process=x"}), "web");
    EXPECT_EQ(name({"crosvm", "run", "--name", "web"}), "web");
    EXPECT_EQ(name({"vmm", "--name=web"}), "web");
    EXPECT_EQ(name({"qemu", "-name"}), "");
    EXPECT_EQ(name({"-name", "x"}), "") << "the program is not an option";
    EXPECT_EQ(name({}), "");
}

TEST(MetricsPlaces, AsAskedFor) {
    EXPECT_EQ(metrics_places(environment({{"VIADUCT_METRICS", "unix:/a/b"}}), 1, 0)->paths,
              std::vector<std::string>{"/a/b"});
    EXPECT_TRUE(metrics_places(environment({{"VIADUCT_METRICS", "off"}}), 1, 0)->paths.empty());
    EXPECT_FALSE(metrics_places(environment({{"VIADUCT_METRICS", "/a/b"}}), 1, 0));
    EXPECT_FALSE(metrics_places(environment({{"VIADUCT_METRICS", "unix:"}}), 1, 0));
}

TEST(MetricsPlaces, OfAUserAndOfTheSystem) {
    const std::map<std::string, std::string> of_root{{"XDG_RUNTIME_DIR", "/run/user/0"}};
    EXPECT_EQ(metrics_places(environment({}), 7, 0)->paths,
              std::vector<std::string>{"/run/viaduct/7.metrics"});
    EXPECT_EQ(metrics_places(environment(of_root), 7, 1001)->paths,
              (std::vector<std::string>{"/run/user/0/viaduct/7.metrics",
                                        "/run/viaduct/1001/7.metrics", "/run/viaduct/7.metrics"}))
        << "a device model that was root";
}

}  // namespace
}  // namespace viaduct
