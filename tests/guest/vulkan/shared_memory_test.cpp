// Memory that one process exports and another imports, each writing to it with the GPU.
#include "tests/guest/vulkan/shared_memory.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kSharedSize = 65536;
constexpr uint32_t kParentSeed = 1;
constexpr uint32_t kChildSeed = 2;
constexpr char kChildFlag[] = "--import-as=";
constexpr int kChildFd = 100;  // where the child finds the descriptor

struct Way {
    const char* name;
    VkExternalMemoryHandleTypeFlagBits type;
    const char* extension;
};
constexpr Way kWays[] = {
    {"OpaqueFd", VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
     VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME},
    {"DmaBuf", VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
     VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME},
};

bool can_share(const Device& device, const Way& way) {
    if (!device.has_extension(way.extension)) return false;
    VkPhysicalDeviceExternalBufferInfo info{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO};
    info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    info.handleType = way.type;
    VkExternalBufferProperties properties{VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
    vkGetPhysicalDeviceExternalBufferProperties(device.physical(), &info, &properties);
    constexpr VkExternalMemoryFeatureFlags kBoth =
        VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
    return (properties.externalMemoryProperties.externalMemoryFeatures & kBoth) == kBoth;
}

// Finds what the parent's GPU wrote and leaves what the child's does.
int import_and_answer(const Way& way) {
    const Device device;
    const Buffer imported(device, {kSharedSize, Where::kDevice, way.type, UniqueFd(kChildFd)});
    const Buffer staging(device, kSharedSize);
    copy(device, imported, staging, kSharedSize);
    const auto found = same_bytes(pattern(kSharedSize, kParentSeed), staging.bytes());
    if (!found) {
        std::fprintf(stderr, "the importing process: %s\n", found.message());
        return EXIT_FAILURE;
    }
    fill_pattern(staging.bytes(), kChildSeed);
    copy(device, staging, imported, kSharedSize);
    return EXIT_SUCCESS;
}

// Runs this program again as the child; gives its exit status, -1 if it did not exit.
int run_child(const Way& way, const UniqueFd& memory) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, memory.get(), kChildFd);
    std::string program = "viaduct-guest-vulkan";
    std::string flag = std::string(kChildFlag) + way.name;
    char* arguments[] = {program.data(), flag.data(), nullptr};
    pid_t child = -1;
    const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

class SharedMemory : public testing::TestWithParam<Way> {
  protected:
    void SetUp() override {
        VIADUCT_NEEDS(can_share(device_, GetParam()), "the driver cannot share memory so");
    }
    Device& device_ = shared_device();
};

TEST_P(SharedMemory, CrossesTwoProcessesAndBack) {
    const Buffer shared(device_, {kSharedSize, Where::kDevice, GetParam().type, {}});
    const Buffer staging(device_, kSharedSize);
    fill_pattern(staging.bytes(), kParentSeed);
    copy(device_, staging, shared, kSharedSize);

    const UniqueFd memory = shared.export_fd();
    ASSERT_TRUE(memory.valid());
    ASSERT_EQ(run_child(GetParam(), memory), EXIT_SUCCESS);

    copy(device_, shared, staging, kSharedSize);
    EXPECT_TRUE(same_bytes(pattern(kSharedSize, kChildSeed), staging.bytes()));
}

TEST_P(SharedMemory, IsTheSameInOneProcess) {
    const Buffer shared(device_, {kSharedSize, Where::kDevice, GetParam().type, {}});
    const Buffer imported(device_,
                          {kSharedSize, Where::kDevice, GetParam().type, shared.export_fd()});
    const Buffer staging(device_, kSharedSize);
    fill_pattern(staging.bytes(), 3);
    copy(device_, staging, shared, kSharedSize);
    fill_pattern(staging.bytes(), 4);
    copy(device_, imported, staging, kSharedSize);
    EXPECT_TRUE(same_bytes(pattern(kSharedSize, 3), staging.bytes()));
}

INSTANTIATE_TEST_SUITE_P(, SharedMemory, testing::ValuesIn(kWays),
                         [](const auto& info) { return info.param.name; });

}  // namespace

std::optional<int> run_import_child(int argc, char** argv) {
    if (argc != 2 || std::strncmp(argv[1], kChildFlag, sizeof(kChildFlag) - 1) != 0)
        return std::nullopt;
    for (const Way& way : kWays)
        if (std::strcmp(argv[1] + sizeof(kChildFlag) - 1, way.name) == 0)
            return import_and_answer(way);
    return EXIT_FAILURE;
}

}  // namespace viaduct::vulkan
