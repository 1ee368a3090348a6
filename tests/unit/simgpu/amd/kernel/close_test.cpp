// Closing an open file: every close waits for the GPU, and jobs outlive the file.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "simgpu/sync/fence.h"
#include "tests/unit/simgpu/amd/kernel/fake_engine.h"

namespace simgpu::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSecond{1000};  // amdgpu_flush()'s patience with what runs
constexpr milliseconds kMoment{50};

milliseconds time_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

class Close : public ::testing::Test {
  protected:
    uint32_t lo = Program::lo(kDataVa), hi = Program::hi(kDataVa);
    UseFakeEngine engine;
    TestFile file{"renoir", unique_instance()};
    TestBuffer data = file.buffer(kDataVa);
    Program program{file, kProgramVa};
    uint32_t context = file.context();

    /// A job that runs until release().
    int submit_waiting() { return file.submit(context, program.ib({kAwait, lo + 8, hi, 1})); }
    void release() { __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE); }
    /// A sync file of the last job.
    viaduct::UniqueFd last_fence() {
        drm_amdgpu_fence_to_handle args{};
        args.in.fence = {context, AMDGPU_HW_IP_GFX, 0, 0, UINT64_MAX};
        args.in.what = AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD;
        EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, &args), 0);
        return viaduct::UniqueFd(static_cast<int>(args.out.handle));
    }
};

TEST_F(Close, OfAnIdleFileTakesNoTime) {
    EXPECT_LT(time_of([&] { file.file().flush(Flush::kClose); }), kSecond / 2);
}

TEST_F(Close, OfAnyDescriptorWaitsASecondForWhatRuns) {
    ASSERT_EQ(submit_waiting(), 0);
    const milliseconds took = time_of([&] { file.file().flush(Flush::kClose); });
    EXPECT_GE(took, kSecond);
    EXPECT_LT(took, 5 * kSecond);
    EXPECT_EQ(file.wait(context, 1, 1), 1) << "the job is not harmed";
    release();
    EXPECT_EQ(file.wait(context, 1), 0);
    EXPECT_LT(time_of([&] { file.file().flush(Flush::kClose); }), kSecond / 2);
}

TEST_F(Close, WaitsWithoutLimitUntilTheQueueIsHandedOver) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(submit_waiting(), 0);
    std::atomic<bool> closed = false;
    std::thread closer([&] {
        file.file().flush(Flush::kClose);
        closed = true;
    });
    std::this_thread::sleep_for(2 * kSecond);
    EXPECT_FALSE(closed) << "the third job waits for a place on the ring";
    release();
    closer.join();
}

TEST_F(Close, AProcessThatExitsWaitsOneSecondInAll) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(submit_waiting(), 0);
    const milliseconds took = time_of([&] { file.file().flush(Flush::kExit); });
    EXPECT_GE(took, kSecond);
    EXPECT_LT(took, 5 * kSecond);
    release();
}

TEST_F(Close, HoldsUpWhatLooksAtAContext) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(submit_waiting(), 0);
    std::thread closer([&] { file.file().flush(Flush::kClose); });
    std::atomic<int> held_up = 4;
    const auto run = [&](auto action) {
        return std::thread([&held_up, action] {
            action();
            --held_up;
        });
    };
    // As soon as one query does not return, the closer has begun to wait.
    std::atomic<int> queries = 0;
    std::atomic<bool> enough = false;
    std::thread querier([&] {
        for (; !enough; ++queries) file.context_flags(context);
    });
    for (int seen = -1; seen != queries; std::this_thread::sleep_for(4 * kMoment)) seen = queries;
    enough = true;
    std::thread threads[] = {
        run([&] { EXPECT_EQ(submit_waiting(), 0); }),
        run([&] { file.context(); }),
        run([&] { EXPECT_EQ(file.wait(context, 1), 0); }),
        run([&] { file.file().fdinfo(); }),
    };
    std::this_thread::sleep_for(kMoment);
    EXPECT_EQ(held_up, 4);
    std::atomic<bool> mapped = false;
    std::thread mapper([&] {
        file.buffer(0x50000000);
        mapped = true;
    });
    // Less than the first job's time-out, which would end it all.
    const auto patience = std::chrono::steady_clock::now() + 5 * kSecond;
    while (!mapped && std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(milliseconds(1));
    EXPECT_TRUE(mapped) << "buffers have nothing to do with it, even while somebody reads fdinfo";
    release();
    closer.join();
    querier.join();
    mapper.join();
    for (std::thread& thread : threads) thread.join();
}

TEST_F(Close, AJobOnTheHardwareOutlivesItsFile) {
    ASSERT_EQ(file.submit(context, program.ib({kAwait, lo + 8, hi, 1, kWrite, lo, hi, 42})), 0);
    const viaduct::UniqueFd sync_file = last_fence();
    const milliseconds took = time_of([&] { file.close(); });
    EXPECT_GE(took, kSecond);
    const auto fence = drm::Fence::from_sync_file(sync_file.get());
    EXPECT_FALSE(fence->is_signalled());
    release();
    ASSERT_TRUE(fence->wait_until(std::chrono::steady_clock::now() + milliseconds(kLong)));
    EXPECT_EQ(fence->status(), 0);
    EXPECT_EQ(data.words()[0], 42u) << "it kept its buffers";
}

TEST_F(Close, AQueueIsExecutedToItsEnd) {
    ASSERT_EQ(submit_waiting(), 0);
    for (int i = 0; i < 10; ++i) ASSERT_EQ(file.submit(context, program.ib({kCount, lo, hi})), 0);
    const viaduct::UniqueFd sync_file = last_fence();
    std::thread closer([&] { file.close(); });
    std::this_thread::sleep_for(kMoment);
    release();
    closer.join();
    EXPECT_EQ(drm::Fence::from_sync_file(sync_file.get())->status(), 0);
    EXPECT_EQ(data.words()[0], 10u);
}

TEST_F(Close, FreeingAContextWaitsForItsQueue) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(submit_waiting(), 0);
    std::atomic<bool> freed = false;
    std::thread freer([&] {
        drm_amdgpu_ctx args{};
        args.in = {AMDGPU_CTX_OP_FREE_CTX, 0, context, 0};
        EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
        freed = true;
    });
    std::this_thread::sleep_for(kMoment);
    EXPECT_FALSE(freed);
    release();
    freer.join();
}

TEST_F(Close, TheStandInIsRecognisable) {
    const auto link =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.file().fd()));
    EXPECT_NE(link.string().find(kStandInName), std::string::npos) << link;
}

size_t entries(const char* directory) {
    const auto begin = std::filesystem::directory_iterator(directory);
    return static_cast<size_t>(std::distance(begin, std::filesystem::directory_iterator()));
}

size_t buffer_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    size_t buffers = 0;
    while (std::getline(maps, line)) buffers += line.find("simgpu") != std::string::npos;
    return buffers;
}

TEST(CloseLeaks, NeitherDescriptorsNorThreadsNorMappingsAreLeft) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "10", 1);
    const UseFakeEngine engine;
    const std::string instance = unique_instance();
    const auto use_and_close = [&] {
        TestFile file("renoir", instance);
        const TestBuffer data = file.buffer(kDataVa, 1 << 20);
        Program program(file, kProgramVa);
        const uint32_t context = file.context();
        const auto later = drm::Fence::create();
        const viaduct::UniqueFd sync_file = later->export_sync_file();
        const uint32_t blocked = file.syncobj();
        drm_syncobj_handle import{};
        import.handle = blocked;
        import.fd = sync_file.get();
        import.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
        EXPECT_EQ(file.ioctl(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import), 0);
        for (const uint32_t ip : {AMDGPU_HW_IP_GFX, AMDGPU_HW_IP_COMPUTE, AMDGPU_HW_IP_DMA}) {
            EXPECT_EQ(file.submit(context, program.ib({kSpin}, ip)), 0);
            Chunks waiting = program.ib({kSpin}, ip);
            waiting.with(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{blocked});
            EXPECT_EQ(file.submit(context, waiting), 0);
        }
        later->signal();
        file.close();
    };
    use_and_close();
    struct Count {
        size_t descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
        size_t mappings = buffer_mappings();
        bool operator==(const Count&) const = default;
    };
    // Threads that run on after a close take a moment to go.
    std::this_thread::sleep_for(kMoment);
    const Count before;
    for (int i = 0; i < 20; ++i) use_and_close();
    for (int i = 0; i < 100 && !(Count{} == before); ++i) std::this_thread::sleep_for(kMoment);
    EXPECT_TRUE(Count{} == before);
    ::unsetenv("VIADUCT_SIMGPU_HANG_MS");
}

}  // namespace
}  // namespace simgpu::test
