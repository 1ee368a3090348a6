// viaduct-guest-mixed: two drivers of one guest share memory. A native context fills a buffer with
// Vulkan and exports it as a dma-buf; a child that the guest layer is not loaded into, so that its
// driver is virgl, imports it as a texture and reads what is there.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/guest/gles/context.h"
#include "tests/guest/mixed/imported_image.h"
#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"

namespace {

using namespace viaduct;

constexpr gles::Picture kPicture{64, 64, 256};
constexpr int kChildFd = 100;
constexpr char kChildFlag[] = "--import";

/// Every byte differs from its neighbours; alpha, too.
std::byte expected_byte(size_t index) {
    return static_cast<std::byte>(index * 7 + index / kPicture.stride);
}

int run_child(const UniqueFd& memory) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, memory.get(), kChildFd);
    std::string program = "viaduct-guest-mixed";
    std::string flag = kChildFlag;
    char* arguments[] = {program.data(), flag.data(), nullptr};
    ::unsetenv("LD_PRELOAD");
    ::setenv("VIADUCT_GUEST_DEVICE", "virgl", 1);
    pid_t child = -1;
    const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (error != 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return EXIT_FAILURE;
    return WEXITSTATUS(status);
}

int export_picture() {
    const vulkan::Device device;
    std::printf("writing: %s\n", device.identity().device.c_str());
    std::fflush(stdout);
    const vulkan::Buffer shared(device, {kPicture.bytes(),
                                         vulkan::Where::kDevice,
                                         VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
                                         {}});
    const vulkan::Buffer staging(device, kPicture.bytes());
    for (size_t i = 0; i < kPicture.bytes(); ++i) staging.bytes()[i] = expected_byte(i);
    vulkan::Commands(device, vulkan::QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, 0, kPicture.bytes()};
        vkCmdCopyBuffer(commands, staging.get(), shared.get(), 1, &region);
    }).run();
    return run_child(shared.export_fd());
}

int import_picture() {
    const gles::Context context(gles::Resets::kIgnored);
    std::printf("reading: %s\n", context.renderer().c_str());
    const auto pixels = gles::read_imported(kPicture, UniqueFd(kChildFd));
    size_t wrong = 0;
    for (size_t i = 0; i < pixels.size(); ++i) wrong += pixels[i] != expected_byte(i) ? 1 : 0;
    if (wrong != 0)
        std::printf("%zu of %zu bytes are wrong\n", wrong, pixels.size());
    else
        std::printf("all %zu bytes correct\n", pixels.size());
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const bool is_child = argc == 2 && std::strcmp(argv[1], kChildFlag) == 0;
        return is_child ? import_picture() : export_picture();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "viaduct-guest-mixed: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
