// Closing any descriptor of the GPU's file waits for the GPU: none may be closed on a thread of the
// VMM's. This program's own close() stands before the C library's and writes down who closes one.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>

#include "tests/integration/abi/vmm.h"

namespace {

constexpr unsigned kDrmMajor = 226;  // Documentation/admin-guide/devices.txt

/// A render node's file, or what stands for a simulated one's (simgpu/simgpu.h, kStandInName).
bool is_gpu_file(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return false;
    if (S_ISCHR(info.st_mode) && major(info.st_rdev) == kDrmMajor) return true;
    std::array<char, 128> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    (void)!::readlink(link.c_str(), target.data(), target.size() - 1);
    return std::string_view(target.data()).find("viaduct-simgpu-file") != std::string_view::npos;
}

/// How often each thread has closed the GPU's file, by its name.
class Closes {
  public:
    void count() {
        std::array<char, 16> name{};
        ::pthread_getname_np(::pthread_self(), name.data(), name.size());
        const std::lock_guard lock(mutex_);
        ++by_thread_[name.data()];
    }
    std::map<std::string, int> by_thread() {
        const std::lock_guard lock(mutex_);
        return by_thread_;
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        by_thread_.clear();
    }

  private:
    std::mutex mutex_;
    std::map<std::string, int> by_thread_;
};

Closes& closes() {
    static auto* all = new Closes;  // descriptors are closed until the very end
    return *all;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int close(int fd) {
    using Close = int (*)(int);
    static const auto next = reinterpret_cast<Close>(::dlsym(RTLD_NEXT, "close"));
    if (is_gpu_file(fd)) closes().count();
    return next(fd);
}

namespace viaduct::test {
namespace {

constexpr const char* kCloser = "viaduct-closer";
constexpr int kContexts = 20;

/// A guest's program: buffers, mappings, work on the GPU.
void run_program(Vmm& vmm, uint32_t ctx_id, const std::string& name) {
    GuestContext guest(vmm, ctx_id, GuestContext::Control::kCreate, name);
    const GpuContext gpu_context = guest.create_gpu_context();
    for (uint32_t i = 0; i < 3; ++i) {
        const uint32_t res_id = guest.create_buffer(8192);
        ASSERT_NE(res_id, 0u);
        const MappedResource mapped(res_id);
        EXPECT_TRUE(mapped.valid());
    }
    ASSERT_NE(guest.submit_write(gpu_context, 7), 0u);
    EXPECT_TRUE(guest.fence_retires(gpu_context.ring, GuestContext::Fate::kAny));
}

TEST(Closing, HappensOnNoThreadOfTheVmms) {
    Vmm vmm;
    closes().clear();  // the GPU was probed before there were contexts
    for (uint32_t i = 0; i < kContexts; ++i)
        run_program(vmm, i + 1, i % 5 == 4 ? "slow" : "quick");  // "slow" ends with work under way
    EXPECT_TRUE(eventually([] { return closes().by_thread()[kCloser] >= kContexts; }))
        << ::testing::PrintToString(closes().by_thread());
    for (const auto& [thread, count] : closes().by_thread())
        EXPECT_TRUE(thread == kCloser || thread.starts_with("vw:"))
            << thread << " closed the GPU's file " << count << " times";
}

}  // namespace
}  // namespace viaduct::test
