// A VMM forks: its child has the library's memory, but not its threads, and shares its descriptors
// with the parent. Nothing that the child calls reaches the parent's contexts.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

// A child that hangs, in a join of a thread that is not there, say.
constexpr unsigned kChildTime = 60;  // s

/// Runs `body` in a child, which ends as programs do. True if it returned true.
bool child_succeeds(const std::function<bool()>& body) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(kChildTime);
        const int status = body() ? EXIT_SUCCESS : EXIT_FAILURE;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        ::_exit(status);  // their checks want the threads
#else
        std::exit(status);
#endif
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

bool every_call_fails(uint32_t ctx_id) {
    virgl_renderer_callbacks callbacks{};
    callbacks.version = 3;
    uint32_t version = 1, size = 1;
    virgl_renderer_get_cap_set(VIRTGPU_DRM_CAPSET_DRM, &version, &size);
    uint64_t no_words[1] = {};
    int fd = -1;
    return size == 0 && virgl_renderer_init(nullptr, Vmm::kFlags, &callbacks) == -EPERM &&
           virgl_renderer_context_create_with_flags(99, VIRTGPU_DRM_CAPSET_DRM, 1, "x") == EPERM &&
           virgl_renderer_submit_cmd(no_words, static_cast<int>(ctx_id), 2) == EPERM &&
           virgl_renderer_context_create_fence(ctx_id, 0, 0, 1) == -EPERM &&
           virgl_renderer_export_fence(1, &fd) == -EPERM && virgl_renderer_get_poll_fd() == -1;
}

/// All that ends something.
void end_everything() {
    virgl_renderer_context_destroy(1);
    virgl_renderer_resource_unref(2);
    virgl_renderer_poll();
    virgl_renderer_reset();
    virgl_renderer_cleanup(nullptr);
}

class AForkedChild : public ::testing::Test {
  protected:
    void expect_alive(Vmm& vmm, GuestContext& guest) {
        const GpuContext gpu_context = guest.create_gpu_context();
        EXPECT_NE(guest.submit_write(gpu_context, 1), 0u);
        EXPECT_TRUE(guest.fence_retires(gpu_context.ring));
        EXPECT_TRUE(guest.settle());
        GuestContext next(vmm, 2);
        EXPECT_TRUE(next.settle());
        EXPECT_EQ(vmm.losses_of(1), 0u) << vmm.log_text();
    }
};

TEST_F(AForkedChild, GetsErrors) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    EXPECT_TRUE(child_succeeds([&] { return every_call_fails(guest.id()); }));
    expect_alive(vmm, guest);
}

TEST_F(AForkedChild, EndsNothingOfItsParents) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    EXPECT_TRUE(child_succeeds([] {
        end_everything();
        return true;
    }));
    expect_alive(vmm, guest);
}

TEST_F(AForkedChild, EndsNothingWhenItExits) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    EXPECT_TRUE(child_succeeds([] { return std::atexit(end_everything) == 0; }));
    expect_alive(vmm, guest);
}

TEST_F(AForkedChild, MayUseTheLibraryThatItsParentHasCleanedUp) {
    { const Vmm vmm; }
    EXPECT_TRUE(child_succeeds([] {
        Vmm vmm;
        GuestContext guest(vmm, 1);
        return guest.settle();
    }));
    Vmm vmm;
    GuestContext guest(vmm, 1);
    expect_alive(vmm, guest);
}

}  // namespace
}  // namespace viaduct::test
