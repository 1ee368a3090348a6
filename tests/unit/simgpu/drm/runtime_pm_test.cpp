#include "simgpu/drm/runtime_pm.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

using Clock = std::chrono::steady_clock;

template <typename Body>
int64_t ms_of(Body body) {
    const auto start = Clock::now();
    body();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

/// The shortest of some runs: a busy machine may hold up one of them until the device sleeps again.
template <typename Body>
int64_t least_ms_of(Body body) {
    int64_t least = ms_of(body);
    for (int i = 0; i < 10; ++i) least = std::min(least, ms_of(body));
    return least;
}

class Resume : public ::testing::Test {
  protected:
    void SetUp() override { ::setenv("VIADUCT_SIMGPU_RESUME_MS", "200:100", 1); }
    void TearDown() override { ::unsetenv("VIADUCT_SIMGPU_RESUME_MS"); }

    const std::string instance = unique_instance();
};

TEST_F(Resume, TakesItsTimeAtOpenAndAfterIdling) {
    std::unique_ptr<TestFile> file;
    EXPECT_GE(ms_of([&] { file = std::make_unique<TestFile>("renoir", instance); }), 200);
    uint64_t used = 0;
    const auto query = [&] { EXPECT_EQ(file->info(AMDGPU_INFO_VRAM_USAGE, &used), 0); };
    EXPECT_LT(least_ms_of(query), 200) << "awake";
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    EXPECT_GE(ms_of(query), 200) << "it fell asleep";
    EXPECT_LT(least_ms_of(query), 200);
}

TEST_F(Resume, IsOneForAllThatWait) {
    ::setenv("VIADUCT_SIMGPU_RESUME_MS", "1000:100", 1);
    std::jthread first([&] { TestFile file("renoir", instance); });
    std::jthread second([&] { TestFile file("renoir", instance); });
    EXPECT_LT(ms_of([&] {
                  first.join();
                  second.join();
              }),
              2000);
}

TEST(ResumeTime, IsParsed) {
    EXPECT_EQ(drm::parse_resume("").value().resume_ns, 0u);
    EXPECT_EQ(drm::parse_resume("300").value().resume_ns, 300'000'000u);
    EXPECT_EQ(drm::parse_resume("300").value().idle_ns, 5'000'000'000u);
    EXPECT_EQ(drm::parse_resume("300:0").value().idle_ns, 0u);
    for (const char* text : {"x", "3ms", "1:", ":1", "-1", "3600001"})
        EXPECT_FALSE(drm::parse_resume(text)) << text;
    ::setenv("VIADUCT_SIMGPU_RESUME_MS", "soon", 1);
    EXPECT_EQ(File::open({"renoir", unique_instance()}).error(), EINVAL);
    ::unsetenv("VIADUCT_SIMGPU_RESUME_MS");
}

}  // namespace
}  // namespace simgpu::test
