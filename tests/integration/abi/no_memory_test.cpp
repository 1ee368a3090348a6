// Contexts and the library itself end without memory: what a VMM destroys is destroyed, and nothing
// throws on the way. This program's own operator new stands before the C++ library's.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <csignal>
#include <cstdlib>
#include <new>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace {

thread_local bool t_no_memory = false;

/// While one lives, its thread gets no memory from operator new.
class NoMemory {
  public:
    NoMemory() { t_no_memory = true; }
    ~NoMemory() { t_no_memory = false; }
    NoMemory(const NoMemory&) = delete;
    NoMemory& operator=(const NoMemory&) = delete;
};

}  // namespace

#define VIADUCT_REPLACES __attribute__((visibility("default")))

VIADUCT_REPLACES void* operator new(size_t size) {
    void* memory = t_no_memory ? nullptr : std::malloc(size);
    if (!memory) throw std::bad_alloc();
    return memory;
}
VIADUCT_REPLACES void* operator new(size_t size, const std::nothrow_t&) noexcept {
    return t_no_memory ? nullptr : std::malloc(size);
}
VIADUCT_REPLACES void operator delete(void* memory) noexcept {
    std::free(memory);
}
VIADUCT_REPLACES void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}

namespace viaduct::test {
namespace {

class WithoutMemory : public ::testing::Test {
  protected:
    /// A context as a VMM keeps it: destroyed by its number.
    std::unique_ptr<GuestContext> start(const std::string& name) {
        auto guest = std::make_unique<GuestContext>(vmm_, 7, GuestContext::Control::kCreate, name);
        EXPECT_TRUE(guest->settle()) << "its worker runs";
        return guest;
    }
    void destroy() {
        const NoMemory none;
        virgl_renderer_context_destroy(7);
    }

    Vmm vmm_;
    GuestContext other_{vmm_, 1};
};

TEST_F(WithoutMemory, TheLibraryGetsNone) {
    int error = 0;
    {
        const NoMemory none;
        error = virgl_renderer_context_create_with_flags(7, VIRTGPU_DRM_CAPSET_DRM, 4, "none");
    }
    EXPECT_EQ(error, ENOMEM) << "else the other tests test nothing";
}

TEST_F(WithoutMemory, AContextIsDestroyed) {
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    const GpuContext gpu_context = guest->create_gpu_context();
    ASSERT_NE(guest->submit_write(gpu_context, 1), 0u);
    ASSERT_TRUE(guest->fence_retires(gpu_context.ring));
    destroy();
    EXPECT_TRUE(workers_end(name));
    EXPECT_EQ(vmm_.losses_of(7), 0u) << vmm_.log_text();
    EXPECT_TRUE(other_.settle());
}

// Messages that wait for the worker reach it before the end does.
TEST_F(WithoutMemory, AContextWithABacklogIsDestroyed) {
    if (!has_worker_processes()) GTEST_SKIP() << "a thread cannot be stopped";
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    const pid_t worker = worker_of(name);
    ::kill(worker, SIGSTOP);
    const std::vector<std::byte> nops = [&] {
        Commands commands;
        for (int i = 0; i < 500; ++i)
            commands.add(wire::RequestHeader{1, 16, guest->next_seqno(), 0});
        return commands.bytes();
    }();
    for (int i = 0; i < 100; ++i) ASSERT_EQ(guest->submit(nops), 0);  // three times the ring
    const uint64_t fence = vmm_.next_fence_id();
    ASSERT_EQ(guest->create_fence(1, fence), 0);
    destroy();
    ::kill(worker, SIGCONT);
    EXPECT_TRUE(vmm_.wait_fence(fence));
    EXPECT_TRUE(workers_end(name));
    EXPECT_EQ(vmm_.losses_of(7), 0u) << vmm_.log_text();
}

TEST_F(WithoutMemory, AContextThatWasLostIsDestroyed) {
    if (!has_worker_processes()) GTEST_SKIP() << "a thread cannot be killed";
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    ::kill(worker_of(name), SIGKILL);
    ASSERT_TRUE(eventually([&] { return vmm_.losses_of(7) > 0; }));
    destroy();
    EXPECT_TRUE(other_.settle());
}

TEST_F(WithoutMemory, AResourceIsDestroyed) {
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    const uint32_t buffer = guest->create_buffer(1 << 20);
    ASSERT_NE(buffer, 0u);
    destroy();
    const NoMemory none;
    virgl_renderer_resource_unref(buffer);
}

TEST_F(WithoutMemory, TheGuestStartsAnew) {
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    {
        const NoMemory none;
        virgl_renderer_reset();
    }
    EXPECT_TRUE(workers_end(name));
    GuestContext again(vmm_, 2);
    EXPECT_TRUE(again.settle());
}

TEST_F(WithoutMemory, TheLibraryEnds) {
    const std::string name = unique_name("nm");
    const auto guest = start(name);
    {
        const NoMemory none;
        virgl_renderer_cleanup(&vmm_);
    }
    EXPECT_TRUE(workers_end(name));
}

}  // namespace
}  // namespace viaduct::test
