// Injection, and what becomes of those it hits.
#include "simgpu/inject.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "fake_engine.h"
#include "simgpu/log.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kProgramVa = 0x10000000;
constexpr uint64_t kDataVa = 0x20000000;

TEST(Grammar, UnderstandsEveryKindAndSetting) {
    const auto rules = parse_injection(
        "slow:ring=gfx:ms=50,hang:nth=3,fault:every=2:client=a,reset:blame=innocent,"
        "oom:bytes=64M");
    ASSERT_TRUE(rules) << rules.error().message;
    ASSERT_EQ(rules->size(), 5u);
    using Kind = InjectionRule::Kind;
    EXPECT_EQ((*rules)[0].kind, Kind::kSlow);
    EXPECT_EQ((*rules)[0].ring, "gfx");
    EXPECT_EQ((*rules)[0].milliseconds, 50u);
    EXPECT_EQ((*rules)[1].nth, 3u);
    EXPECT_EQ((*rules)[2].every, 2u);
    EXPECT_EQ((*rules)[2].client, "a");
    EXPECT_TRUE((*rules)[3].innocent);
    EXPECT_EQ((*rules)[4].bytes, 64ull << 20);
    EXPECT_TRUE(parse_injection("")->empty());
}

TEST(Grammar, RefusesTheRestInOneSentence) {
    for (const char* text :
         {"explode", "slow,", ",slow", "slow:", "slow:ms", "slow:ms=", "slow:ms=x", "slow:ms=-1",
          "slow:colour=1", "hang:nth=0", "hang:every=0", "hang:ms=3", "slow:ring=video",
          "oom:ring=gfx", "oom:bytes=1T", "oom:bytes=99999999999G", "reset:blame=me",
          "slow:nth=1 "}) {
        const auto rules = parse_injection(text);
        ASSERT_FALSE(rules) << text;
        EXPECT_EQ(rules.error().code, EINVAL);
        EXPECT_FALSE(rules.error().message.empty());
        EXPECT_EQ(rules.error().message.find('\n'), std::string::npos);
    }
}

/// The log's lines since the object was made.
class LogCapture {
  public:
    LogCapture() {
        set_log_sink([this](std::string_view line) {
            const std::lock_guard lock(mutex_);
            lines_ += std::string(line) + "\n";
        });
    }
    ~LogCapture() { set_log_sink(nullptr); }
    std::string text() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

  private:
    std::mutex mutex_;
    std::string lines_;
};

class Injected : public ::testing::Test {
  protected:
    Injected() { ::setenv("VIADUCT_SIMGPU_HANG_MS", "50", 1); }
    ~Injected() override {
        ::unsetenv("VIADUCT_SIMGPU_HANG_MS");
        set_injection({});
    }
    void inject(const char* text) { set_injection(parse_injection(text).value()); }

    struct Client {
        TestFile file;
        TestBuffer data = file.buffer(kDataVa);
        Program program{file, kProgramVa};
        uint32_t context = file.context();
        void set_name(const std::string& name) {
            drm::SetClientNameArgs set{name.size(), address_of(name.data())};
            EXPECT_EQ(file.ioctl(_IOWR('d', drm::nr::kSetClientName, drm::SetClientNameArgs), &set),
                      0);
        }
        /// A job that counts up word 0.
        int count(uint32_t ip = AMDGPU_HW_IP_GFX) {
            return file.submit(context, program.ib({kCount, lo, hi}, ip));
        }
        int wait_last(uint32_t ip = AMDGPU_HW_IP_GFX) {
            return file.wait(context, UINT64_MAX, kLong, ip);
        }
        uint32_t lo = Program::lo(kDataVa), hi = Program::hi(kDataVa);
    };

    UseFakeEngine engine;
    LogCapture log;
};

constexpr uint64_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_RESET | AMDGPU_CTX_QUERY2_FLAGS_GUILTY;

TEST_F(Injected, AHangCostsItsContextAndNobodyElse) {
    Client a, b;
    a.set_name("victim");
    inject("hang:nth=2:client=victim");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), 0);
    ASSERT_EQ(a.count(), 0);
    ASSERT_EQ(b.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    EXPECT_EQ(b.wait_last(), 0);
    EXPECT_EQ(a.count(), -ECANCELED) << "lost for good";
    EXPECT_EQ(b.count(), 0);
    EXPECT_EQ(b.wait_last(), 0);
    EXPECT_EQ(a.file.context_flags(a.context), kGuilty);
    EXPECT_EQ(b.file.context_flags(b.context), 0u);
    EXPECT_EQ(b.data.words()[0], 2u);
    const uint32_t fresh = a.file.context();
    EXPECT_EQ(a.file.submit(fresh, a.program.ib({kCount, a.lo, a.hi})), 0) << "a new context works";
    EXPECT_EQ(a.file.wait(fresh, 1), 0);
    EXPECT_NE(log.text().find("hang on gfx ring 0, context 1"), std::string::npos) << log.text();
}

TEST_F(Injected, QueuedJobsOfAGuiltyContextAreCancelledWithTheirFences) {
    Client a;
    inject("hang:nth=1");
    const uint32_t syncobj = a.file.syncobj();
    ASSERT_EQ(a.count(), 0);
    Chunks later = a.program.ib({kCount, a.lo, a.hi}, AMDGPU_HW_IP_COMPUTE);
    later.with(AMDGPU_CHUNK_ID_DEPENDENCIES,
               drm_amdgpu_cs_chunk_dep{AMDGPU_HW_IP_GFX, 0, 0, a.context, 1});
    later.with(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{syncobj});
    ASSERT_EQ(a.file.submit(a.context, later), 0);
    EXPECT_EQ(a.file.syncobj_wait(syncobj), 0);
    EXPECT_EQ(a.wait_last(AMDGPU_HW_IP_COMPUTE), -ECANCELED);
    EXPECT_EQ(a.data.words()[0], 0u);
}

TEST_F(Injected, RealHangsFaultsAndUnknownInstructionsEndTheSameWay) {
    struct Case {
        std::vector<uint32_t> words;
        const char* report;
    };
    const uint64_t nowhere = kDataVa + 0x5000;
    const Case cases[] = {
        {{kSpin}, "hang on gfx ring 0"},
        {{kWrite, Program::lo(nowhere), Program::hi(nowhere), 1},
         "write of address 0x20005000, 0x4000 bytes behind buffer 0x20000000-0x20000fff (rw-)"},
        {{kUnknown}, "unknown instruction on gfx ring 0"},
    };
    for (const Case& c : cases) {
        Client a;
        TestBuffer program = a.file.buffer(0x30000000);
        std::ranges::copy(c.words, program.words());
        Chunks chunks;
        chunks.ib(program.va, static_cast<uint32_t>(c.words.size() * 4));
        ASSERT_EQ(a.file.submit(a.context, chunks), 0);
        EXPECT_EQ(a.wait_last(), -ECANCELED);
        EXPECT_EQ(a.file.context_flags(a.context), kGuilty);
        EXPECT_NE(log.text().find(c.report), std::string::npos) << c.report << "\n" << log.text();
    }
}

TEST_F(Injected, AFaultIsRememberedForItsFile) {
    Client a;
    inject("fault");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    amdgpu::GpuvmFault fault{};
    EXPECT_EQ(a.file.info(amdgpu::kInfoGpuvmFault, &fault), 0);
    EXPECT_EQ(fault.addr, kProgramVa);
}

TEST_F(Injected, AResetHitsWhatRunsAtThatMoment) {
    Client guilty, victim, bystander;
    ASSERT_EQ(
        victim.file.submit(victim.context, victim.program.ib({kWrite, victim.lo + 4, victim.hi, 1,
                                                              kAwait, victim.lo, victim.hi, 1},
                                                             AMDGPU_HW_IP_COMPUTE)),
        0);
    while (__atomic_load_n(victim.data.words() + 1, __ATOMIC_ACQUIRE) == 0)
        std::this_thread::yield();
    inject("reset:nth=1:ring=gfx");
    ASSERT_EQ(guilty.count(), 0);
    EXPECT_EQ(guilty.wait_last(), -ECANCELED);
    __atomic_store_n(victim.data.words(), 1, __ATOMIC_RELEASE);
    EXPECT_EQ(victim.wait_last(AMDGPU_HW_IP_COMPUTE), -ECANCELED);
    ASSERT_EQ(bystander.count(), 0);
    EXPECT_EQ(bystander.wait_last(), 0);
    EXPECT_EQ(guilty.file.context_flags(guilty.context), kGuilty);
    EXPECT_EQ(victim.file.context_flags(victim.context), uint64_t{AMDGPU_CTX_QUERY2_FLAGS_RESET});
    EXPECT_EQ(bystander.file.context_flags(bystander.context), 0u);
    ASSERT_EQ(victim.count(), 0) << "an innocent context goes on";
    EXPECT_EQ(victim.wait_last(), 0);
}

TEST_F(Injected, AnInnocentResetIsToldOnce) {
    Client a;
    inject("reset:blame=innocent:nth=1");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    const auto query = [&] {
        drm_amdgpu_ctx args{};
        args.in = {AMDGPU_CTX_OP_QUERY_STATE, 0, a.context, 0};
        EXPECT_EQ(a.file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
        return args.out.state.reset_status;
    };
    EXPECT_EQ(query(), uint32_t{AMDGPU_CTX_INNOCENT_RESET});
    EXPECT_EQ(query(), uint32_t{AMDGPU_CTX_NO_RESET});
}

TEST_F(Injected, RulesChooseRingAndClient) {
    Client a, b;
    a.set_name("victim");
    inject("fault:client=victim:ring=dma");
    ASSERT_EQ(a.count(), 0);
    ASSERT_EQ(b.count(AMDGPU_HW_IP_DMA), 0);
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_EQ(b.wait_last(AMDGPU_HW_IP_DMA), 0);
    ASSERT_EQ(a.count(AMDGPU_HW_IP_DMA), 0);
    EXPECT_EQ(a.wait_last(AMDGPU_HW_IP_DMA), -ECANCELED);
}

TEST_F(Injected, ASlowJobIsSlowAndRight) {
    Client a;
    inject("slow:ms=20");
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
    EXPECT_EQ(a.data.words()[0], 1u);
    EXPECT_EQ(a.file.file().fdinfo().find("drm-engine-gfx:\t0 ns"), std::string::npos);
}

TEST_F(Injected, AllocationsFailFromASizeOn) {
    TestFile file;
    inject("oom:bytes=1M");
    uint32_t handle = 0;
    EXPECT_EQ(file.create(1 << 20, &handle), -ENOMEM);
    EXPECT_EQ(file.create(4096, &handle), 0);
    inject("oom:nth=2");
    EXPECT_EQ(file.create(4096, &handle), 0);
    EXPECT_EQ(file.create(4096, &handle), -ENOMEM);
    EXPECT_EQ(file.create(4096, &handle), 0);
}

}  // namespace
}  // namespace simgpu::test
