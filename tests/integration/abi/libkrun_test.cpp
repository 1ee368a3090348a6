// Habits of libkrun alone.
#include "tests/integration/abi/libkrun.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/integration/isolation/workers.h"

// libkrun's binding; no header of virglrenderer has it.
extern "C" int virgl_renderer_resource_map2(uint32_t res_handle, const void* address, uint64_t size,
                                            int prot, int flags);

namespace viaduct::test {
namespace {

constexpr unsigned kChildTime = 60;  // s; for a child that hangs

// VIRGL_RESOURCE_MAP2=1. It is called where a blob has a handle of another type than these have.
TEST(LibkrunTest, HasTheOlderFormOfMapFixed) {
    constexpr int kAccess = PROT_READ | PROT_WRITE, kPlace = MAP_SHARED | MAP_FIXED;
    Libkrun vmm;
    GuestContext guest(vmm, 1);
    const uint32_t res_id = guest.create_buffer(8192);
    void* const window = ::mmap(nullptr, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const Mapping owner(window, 8192);
    EXPECT_EQ(virgl_renderer_resource_map2(res_id, window, 4096, kAccess, kPlace), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_map2(res_id, window, 8192, PROT_READ, kPlace), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_map2(res_id, window, 8192, kAccess, MAP_SHARED), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_map2(res_id + 1, window, 8192, kAccess, kPlace), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_map2(res_id, nullptr, 8192, kAccess, kPlace), -EINVAL);
    ASSERT_EQ(virgl_renderer_resource_map2(res_id, window, 8192, kAccess, kPlace), 0);
    const auto bytes = vmm.map_blob(res_id);
    ASSERT_EQ(bytes.size(), 8192u);
    owner.bytes()[5] = std::byte{7};
    EXPECT_EQ(bytes[5], std::byte{7});
}

// muvm --gpu-mode=software: all capability sets are offered, and this one is refused.
TEST(LibkrunTest, OffersNoNativeContextsInSoftwareMode) {
    static const RutabagaHabits habits{.monitor = "muvm, software",
                                       .flags = Libkrun::kHabits.flags & ~VIRGL_RENDERER_DRM,
                                       .brings_node = false,
                                       .narrow_and_wide = true,
                                       .debug_callback = true,
                                       .keeps_last = false};
    Libkrun vmm(habits);
    EXPECT_EQ(vmm.create_context(1, "program"), EINVAL);
    const auto capset = vmm.get_capset(6);
    for (const std::byte byte : capset.bytes) EXPECT_EQ(byte, std::byte());
    EXPECT_EQ(vmm.create_global_fence(1), 0);
    EXPECT_TRUE(eventually([&] { return vmm.waiting() == 0; }));
}

TEST(LibkrunTest, TriesAgainWithFewerFlags) {
    virgl_renderer_callbacks newer{};
    newer.version = VIRGL_RENDERER_CALLBACKS_VERSION + 1;
    EXPECT_LT(virgl_renderer_init(nullptr, Libkrun::kHabits.flags, &newer), 0);
    Libkrun vmm(Libkrun::kFallback);
    EXPECT_EQ(vmm.create_context(1, "program"), EINVAL);
}

// The child's GPU worker, as long as the process is there. Contexts of this name.
void keep_calling(Libkrun& vmm, const std::string& name, std::atomic<int>& rounds) {
    for (uint32_t ctx_id = 1;; ++ctx_id) {
        GuestContext guest(vmm, ctx_id, GuestContext::Control::kCreate, name);
        const uint32_t res_id = guest.create_buffer(8192);
        vmm.map_blob(res_id);
        guest.create_fence(0, vmm.next_fence_id());
        vmm.unmap_blob(res_id);
        vmm.unref(res_id);
        ++rounds;
    }
}

/// As _exit(), without a sanitizer's word about threads that are at work.
void end_at_once(int status) {
    ::syscall(SYS_exit_group, status);
}

/// Ends by `end` while another thread calls the library. Returns what waitpid() tells of it.
int status_of_a_vm_that_ends(const std::string& name, void (*end)(int)) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(kChildTime);
        auto* const vmm = new Libkrun;
        std::atomic<int> rounds{0};
        std::thread([&] { keep_calling(*vmm, name, rounds); }).detach();
        while (rounds < 5) std::this_thread::yield();
        end(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

// libkrun ends with the guest, from whichever thread hears of that.
TEST(LibkrunTest, EndsWhileItsGpuWorkerCalls) {
    const std::string name = unique_name("krun");
    EXPECT_EQ(status_of_a_vm_that_ends(name, end_at_once), 0);
    EXPECT_TRUE(workers_end(name));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_EQ(status_of_a_vm_that_ends(name, std::exit), 0);
    EXPECT_TRUE(workers_end(name));
#endif
}

}  // namespace
}  // namespace viaduct::test
