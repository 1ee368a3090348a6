// viaduct-guest-flips: shows buffers in turn, as fast as the screen takes them, without drawing in
// between.
//
//   viaduct-guest-flips WIDTH HEIGHT BUFFERS FLIPS
//
// The buffers are in the GPU's memory (amdgpu's GTT) and filled by the CPU: pixel i of buffer b is
// i * 2654435761 + (b + 1) * 40503. Shows the first one, prints "begun" and waits for a line on
// stdin before it flips. Each flip waits for its event. Then "flipped" is printed, and the picture
// stays until stdin ends.
#include <amdgpu_drm.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <vector>

#include "base/unique_fd.h"
#include "tests/guest/kms/screen.h"

namespace {

using namespace viaduct;

constexpr uint64_t kPage = 4096;

void check(int result, const char* what) {
    if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

/// A dma-buf of the GPU's with rows without gaps.
UniqueFd create_picture(int node, uint32_t width, uint32_t height, uint32_t number) {
    const uint64_t size = (uint64_t{width} * height * 4 + kPage - 1) / kPage * kPage;
    drm_amdgpu_gem_create create{};
    create.in.bo_size = size;
    create.in.alignment = kPage;
    create.in.domains = AMDGPU_GEM_DOMAIN_GTT;
    check(drmIoctl(node, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), "DRM_IOCTL_AMDGPU_GEM_CREATE");
    const uint32_t handle = create.out.handle;
    drm_amdgpu_gem_mmap map{};
    map.in.handle = handle;
    check(drmIoctl(node, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), "DRM_IOCTL_AMDGPU_GEM_MMAP");
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, node,
                          static_cast<off_t>(map.out.addr_ptr));
    check(memory == MAP_FAILED, "mmap");
    auto* pixels = static_cast<uint32_t*>(memory);
    for (uint32_t i = 0; i < width * height; ++i)
        pixels[i] = i * 2654435761U + (number + 1) * 40503U;
    ::munmap(memory, size);
    int fd = -1;
    check(drmPrimeHandleToFD(node, handle, DRM_CLOEXEC, &fd), "drmPrimeHandleToFD");
    return UniqueFd(fd);
}

void say(const char* text) {
    std::printf("%s\n", text);
    std::fflush(stdout);
}

int run(char** arguments) {
    const auto width = static_cast<uint32_t>(std::atoi(arguments[1]));
    const auto height = static_cast<uint32_t>(std::atoi(arguments[2]));
    const auto count = static_cast<uint32_t>(std::atoi(arguments[3]));
    const auto flips = static_cast<uint32_t>(std::atoi(arguments[4]));
    const UniqueFd node(::open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC));
    check(!node, "/dev/dri/renderD128");
    kms::Screen screen(width, height);
    std::vector<uint32_t> framebuffers;
    for (uint32_t number = 0; number < count; ++number)
        framebuffers.push_back(
            screen.add(create_picture(node.get(), width, height, number).get(), width * 4, 0));
    screen.show(framebuffers[0]);
    say("begun");
    while (std::getchar() != '\n') {
    }
    for (uint32_t flip = 1; flip <= flips; ++flip) screen.show(framebuffers[flip % count]);
    say("flipped");
    while (std::getchar() != EOF) {
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** arguments) try {
    return count == 5 ? run(arguments) : 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "viaduct-guest-flips: %s\n", error.what());
    return EXIT_FAILURE;
}
