// Jobs of several files, devices and processes on one shared buffer, which nothing but the buffer
// puts in order.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/threads_after_fork.h"
#include "tests/unit/simgpu/amd/kernel/fake_engine.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kFlagVa = 0x20000000, kSharedVa = 0x30000000;
constexpr uint64_t kShort = 60;  // ms; a wait that must not succeed

/// A file whose jobs count in a shared buffer, once their flag has the value they wait for.
class Worker {
  public:
    Worker(const char* model, const std::string& instance) : file(model, instance) {}

    viaduct::UniqueFd share() {
        handle = file.buffer(kSharedVa).handle;
        drm_prime_handle args{};
        args.handle = handle;
        args.flags = DRM_CLOEXEC | DRM_RDWR;
        EXPECT_EQ(file.ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &args), 0);
        return viaduct::UniqueFd(args.fd);
    }
    bool import(int fd) {
        drm_prime_handle args{};
        args.fd = fd;
        if (file.ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &args) != 0) return false;
        handle = args.handle;
        return file.map(handle, kSharedVa, 4096) == 0;
    }
    /// Number of the job.
    uint64_t submit(uint32_t awaited) {
        const drm_amdgpu_bo_list_entry entry{handle, 0};
        const drm_amdgpu_bo_list_in list{~0u, ~0u, 1, sizeof(entry), address_of(&entry)};
        Chunks chunks = program.ib({kAwait, Program::lo(kFlagVa), Program::hi(kFlagVa), awaited,
                                    kCount, Program::lo(kSharedVa), Program::hi(kSharedVa)});
        uint64_t sequence = 0;
        EXPECT_EQ(file.submit(context, chunks.with(AMDGPU_CHUNK_ID_BO_HANDLES, list), &sequence),
                  0);
        return sequence;
    }
    int wait(uint64_t job, uint64_t ms = kLong) { return file.wait(context, job, ms); }
    void release() { __atomic_store_n(flag.words(), 1u, __ATOMIC_RELEASE); }

    TestFile file;
    const uint32_t context = file.context();
    Program program{file, kProgramVa};
    TestBuffer flag = file.buffer(kFlagVa);
    uint32_t handle = 0;
};

class ImplicitSync : public ::testing::Test {
  protected:
    const UseFakeEngine fake;
    const std::string instance = unique_instance();
    Worker first{"renoir", instance};
    const viaduct::UniqueFd shared = first.share();
};

TEST_F(ImplicitSync, OrdersJobsOfTwoDevices) {
    Worker second("vega10", instance);
    ASSERT_TRUE(second.import(shared.get()));
    const uint64_t held = first.submit(1);
    const uint64_t later = second.submit(0);
    EXPECT_EQ(second.wait(later, kShort), 1) << "it waits for the other device";
    first.release();
    EXPECT_EQ(second.wait(later), 0);
    EXPECT_EQ(first.wait(held), 0);
    EXPECT_EQ(reinterpret_cast<uint32_t*>(first.file.cpu_map(first.handle).data())[0], 2u);
}

TEST_F(ImplicitSync, OrdersJobsOfTwoProcesses) {
    if (!viaduct::test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    const uint64_t held = first.submit(1);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        Worker theirs("renoir", unique_instance() + "-child");
        char result = theirs.import(shared.get()) ? 'i' : 'x';
        const uint64_t job = theirs.submit(0);
        if (theirs.wait(job, kShort) != 1) result = 'e';  // early
        (void)!::write(ends[1], &result, 1);
        result = theirs.wait(job) == 0 ? 'd' : 'f';
        (void)!::write(ends[1], &result, 1);
        ::_exit(0);
    }
    ::close(ends[1]);  // a child that dies must not keep us waiting
    char result = 0;
    ASSERT_EQ(::read(ends[0], &result, 1), 1);
    EXPECT_EQ(result, 'i');
    first.release();
    ASSERT_EQ(::read(ends[0], &result, 1), 1);
    EXPECT_EQ(result, 'd');
    EXPECT_EQ(first.wait(held), 0);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(reinterpret_cast<uint32_t*>(first.file.cpu_map(first.handle).data())[0], 2u);
    ::close(ends[0]);
}

TEST_F(ImplicitSync, DoesNotHoldUpJobsOfTheSameFile) {
    const uint64_t held = first.submit(1);
    const uint32_t other_context = first.file.context();
    Chunks chunks;
    Program quick(first.file, 0x40000000);
    const drm_amdgpu_bo_list_entry entry{first.handle, 0};
    const drm_amdgpu_bo_list_in list{~0u, ~0u, 1, sizeof(entry), address_of(&entry)};
    chunks = quick.ib({kWrite, Program::lo(kSharedVa + 8), Program::hi(kSharedVa), 1},
                      AMDGPU_HW_IP_COMPUTE);
    uint64_t job = 0;
    ASSERT_EQ(first.file.submit(other_context, chunks.with(AMDGPU_CHUNK_ID_BO_HANDLES, list), &job),
              0);
    EXPECT_EQ(first.file.wait(other_context, job, kLong, AMDGPU_HW_IP_COMPUTE), 0);
    first.release();
    EXPECT_EQ(first.wait(held), 0);
}

}  // namespace
}  // namespace simgpu::test
