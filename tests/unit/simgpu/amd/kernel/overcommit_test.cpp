// More VRAM promised than there is: who is moved, when, and what is counted.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include "tests/unit/simgpu/amd/kernel/fake_engine.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kVram = AMDGPU_GEM_DOMAIN_VRAM, kGtt = AMDGPU_GEM_DOMAIN_GTT;
constexpr uint64_t kOvercommitVa = 0x100000000;

class Overcommit : public ::testing::Test {
  protected:
    static uint64_t count(TestFile& file, uint32_t query) {
        uint64_t value = 0;
        EXPECT_EQ(file.info(query, &value), 0);
        return value;
    }
    /// KiB of a line of the file's fdinfo; 0 if it is not there.
    static uint64_t fdinfo(TestFile& file, const std::string& key) {
        const std::string text = file.file().fdinfo();
        const size_t at = text.find(key + ":");
        return at == std::string::npos ? 0 : std::stoull(text.substr(at + key.size() + 1));
    }
    static bool is_evicted(TestFile& file) { return fdinfo(file, "amd-evicted-vram") != 0; }
    static uint32_t create(TestFile& file, uint64_t mib, uint64_t domains = kVram,
                           uint64_t flags = 0) {
        uint32_t handle = 0;
        EXPECT_EQ(file.create(mib * kMiB, &handle, domains, flags), 0);
        return handle;
    }
    /// A job that uses the buffers. 0 or a negative errno.
    int use(TestFile& file, const std::vector<uint32_t>& handles, uint64_t* sequence = nullptr) {
        Job& job = job_of(file);
        std::vector<drm_amdgpu_bo_list_entry> entries;
        for (const uint32_t handle : handles) entries.push_back({handle, 0});
        const drm_amdgpu_bo_list_in list{~0u, ~0u, static_cast<uint32_t>(entries.size()),
                                         sizeof(entries[0]), address_of(entries.data())};
        const uint64_t word = job.flag.va;
        Chunks chunks =
            job.program.ib({kAwait, Program::lo(word), Program::hi(word), job.expected});
        uint64_t number = 0;
        const int result =
            file.submit(job.context, chunks.with(AMDGPU_CHUNK_ID_BO_HANDLES, list), &number);
        if (sequence) *sequence = number;
        if (result == 0 && job.expected == 0) {
            EXPECT_EQ(file.wait(job.context, number), 0);
        }
        return result;
    }
    /// Jobs from now on do not end before release().
    void hold(TestFile& file) { job_of(file).expected = 1; }
    void release(TestFile& file) {
        __atomic_store_n(job_of(file).flag.words(), 1u, __ATOMIC_RELEASE);
    }

    const UseFakeEngine fake;
    const std::string instance = unique_instance();
    TestFile file{"renoir", instance};

  private:
    struct Job {
        explicit Job(TestFile& file)
            : context(file.context()),
              program(file, kOvercommitVa),
              flag(file.buffer(kOvercommitVa + 16 * kMiB)) {}
        uint32_t context;
        Program program;
        TestBuffer flag;
        uint32_t expected = 0;
    };
    Job& job_of(TestFile& owner) {
        auto& job = jobs_[&owner];
        if (!job) job = std::make_unique<Job>(owner);
        return *job;
    }
    std::map<TestFile*, std::unique_ptr<Job>> jobs_;
};

TEST_F(Overcommit, MovesTheOldestToGttAndCountsIt) {
    create(file, 300);
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_EVICTIONS), 0u);
    create(file, 300);
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_EVICTIONS), 1u);
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_BYTES_MOVED), 300 * kMiB);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 300 * kMiB);
    EXPECT_LE(count(file, AMDGPU_INFO_VRAM_USAGE), 512 * kMiB);
    EXPECT_EQ(fdinfo(file, "drm-memory-gtt"), 300u * 1024);
    EXPECT_EQ(fdinfo(file, "amd-evicted-vram"), 300u * 1024);
    EXPECT_EQ(fdinfo(file, "amd-requested-vram"), 600u * 1024 + 4) << "and a page directory";
}

TEST_F(Overcommit, GoesByTheLastUseAndNotByAge) {
    TestFile other("renoir", instance);
    const uint32_t old = create(file, 200);
    create(other, 200);
    ASSERT_EQ(use(file, {old}), 0);
    create(file, 200);
    EXPECT_FALSE(is_evicted(file));
    EXPECT_TRUE(is_evicted(other)) << "younger, but not used since";
}

TEST_F(Overcommit, AJobMovesItsBuffersBack) {
    TestFile other("renoir", instance);
    const uint32_t mine = create(file, 300);
    create(other, 300);
    ASSERT_TRUE(is_evicted(file));
    ASSERT_EQ(use(file, {mine}), 0);
    EXPECT_FALSE(is_evicted(file));
    EXPECT_TRUE(is_evicted(other));
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_BYTES_MOVED), 900 * kMiB);
}

TEST_F(Overcommit, BuffersThatAreAlwaysValidComeBackWithAnyJob) {
    TestFile other("renoir", instance);
    create(file, 300, kVram, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    create(other, 300);
    ASSERT_TRUE(is_evicted(file));
    ASSERT_EQ(use(file, {}), 0);
    EXPECT_FALSE(is_evicted(file));
}

TEST_F(Overcommit, AJobWhoseBuffersDoNotFitRunsFromGtt) {
    const uint32_t a = create(file, 300), b = create(file, 300);
    EXPECT_EQ(use(file, {a, b}), 0);
    EXPECT_EQ(fdinfo(file, "amd-evicted-vram"), 300u * 1024) << "neither pushes the other out";
}

TEST_F(Overcommit, KeepsWhatIsInTheBuffers) {
    const uint32_t first = create(file, 300);
    viaduct::Mapping mapping = file.cpu_map(first);
    mapping.data()[12345] = std::byte{0x5a};
    create(file, 300);
    EXPECT_EQ(mapping.data()[12345], std::byte{0x5a});
    ASSERT_EQ(use(file, {first}), 0);
    EXPECT_EQ(file.cpu_map(first).data()[12345], std::byte{0x5a});
}

TEST_F(Overcommit, DiscardableBuffersGoFirstLoseTheirContentAndNeedVram) {
    create(file, 100);
    const uint32_t scratch = create(file, 300, kVram, amdgpu::kGemDiscardable);
    viaduct::Mapping mapping = file.cpu_map(scratch);
    mapping.data()[0] = std::byte{1};
    create(file, 300);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 0u) << "the older one stays";
    ASSERT_EQ(use(file, {scratch}), 0);
    EXPECT_EQ(mapping.data()[0], std::byte{0});
    const uint32_t second = create(file, 300, kVram, amdgpu::kGemDiscardable);
    EXPECT_EQ(use(file, {scratch, second}), -ENOMEM);
}

TEST_F(Overcommit, CreatingWaitsForTheJobOfItsVictim) {
    const uint32_t busy = create(file, 300);
    hold(file);
    ASSERT_EQ(use(file, {busy}), 0);
    TestFile other("renoir", instance);
    std::atomic<bool> created = false;
    std::thread creator([&] {
        create(other, 300);
        created = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_FALSE(created);
    release(file);
    creator.join();
    EXPECT_TRUE(is_evicted(file));
}

TEST_F(Overcommit, ReachesOtherProcesses) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        TestFile theirs("renoir", instance);
        uint32_t handle = 0;
        const char result = theirs.create(400 * kMiB, &handle, kVram) == 0 ? 'y' : 'n';
        (void)!::write(ends[1], &result, 1);
        for (;;) ::pause();
    }
    ::close(ends[1]);  // a child that dies must not keep us waiting
    char result = 0;
    ASSERT_EQ(::read(ends[0], &result, 1), 1);
    ASSERT_EQ(result, 'y');
    create(file, 400);
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_EVICTIONS), 1u);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 400 * kMiB) << "theirs";
    EXPECT_FALSE(is_evicted(file));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 0u);
    ::close(ends[0]);
}

TEST_F(Overcommit, FailsOnlyWhenGttIsFullToo) {
    create(file, 4000, kGtt);
    create(file, 400);
    uint32_t handle = 0;
    EXPECT_EQ(file.create(300 * kMiB, &handle, kVram), -ENOMEM);
    EXPECT_EQ(file.create(90 * kMiB, &handle, kVram), 0);
}

TEST_F(Overcommit, OnAnApuGttIsAsGoodAndOnACardVramIsBetter) {
    create(file, 300, kVram | kGtt);
    create(file, 300, kVram | kGtt);
    EXPECT_EQ(count(file, AMDGPU_INFO_NUM_EVICTIONS), 0u);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 300 * kMiB);
    TestFile card("vega10", unique_instance());
    create(card, 5000, kVram | kGtt);
    create(card, 5000, kVram | kGtt);
    EXPECT_EQ(count(card, AMDGPU_INFO_NUM_EVICTIONS), 1u);
}

TEST_F(Overcommit, FilesThatPushEachOtherOutAllGoOn) {
    TestFile other("renoir", instance);
    const uint32_t mine[] = {create(file, 200), create(file, 150)};
    const uint32_t theirs[] = {create(other, 200), create(other, 150)};
    use(file, {});
    use(other, {});
    std::barrier both(2);  // or one of them is done before the other begins
    std::jthread neighbour([&] {
        for (int i = 0; i < 50; ++i) {
            both.arrive_and_wait();
            EXPECT_EQ(use(other, {theirs[0], theirs[1]}), 0);
        }
    });
    for (int i = 0; i < 50; ++i) {
        both.arrive_and_wait();
        EXPECT_EQ(use(file, {mine[0], mine[1]}), 0);
    }
    neighbour.join();
    EXPECT_GT(count(file, AMDGPU_INFO_NUM_EVICTIONS), 2u);
}

TEST_F(Overcommit, ClosingGivesBackWhatWasMoved) {
    const uint32_t a = create(file, 300), b = create(file, 300);
    ASSERT_EQ(file.gem_close(a), 0);
    ASSERT_EQ(file.gem_close(b), 0);
    EXPECT_EQ(count(file, AMDGPU_INFO_GTT_USAGE), 0u);
    EXPECT_EQ(count(file, AMDGPU_INFO_VRAM_USAGE), 4096u) << "the page directory";
}

}  // namespace
}  // namespace simgpu::test
