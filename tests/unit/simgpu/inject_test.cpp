// Injection, and what becomes of those it hits.
#include "simgpu/inject.h"

#include <cerrno>
#include <chrono>

#include "tests/unit/simgpu/amd/kernel/injected.h"

namespace simgpu::test {
namespace {

class Inject : public Injected {};

TEST(Grammar, UnderstandsEveryKindAndSetting) {
    const auto rules = parse_injection(
        "slow:ring=gfx:ms=50,hang:nth=3:recovery=soft,fault:every=2:client=a:recovery=ring,"
        "reset:blame=innocent:recovery=vram,oom:bytes=64M,interrupt:error=again,slow:ring=jpeg,"
        "hang:recovery=full");
    ASSERT_TRUE(rules) << rules.error().message;
    ASSERT_EQ(rules->size(), 8u);
    using Kind = InjectionRule::Kind;
    using Recovery = InjectionRule::Recovery;
    EXPECT_EQ((*rules)[0].kind, Kind::kSlow);
    EXPECT_EQ((*rules)[0].ring, "gfx");
    EXPECT_EQ((*rules)[0].milliseconds, 50u);
    EXPECT_EQ((*rules)[1].nth, 3u);
    EXPECT_EQ((*rules)[2].every, 2u);
    EXPECT_EQ((*rules)[2].client, "a");
    EXPECT_TRUE((*rules)[3].innocent);
    EXPECT_EQ((*rules)[4].bytes, 64ull << 20);
    EXPECT_EQ((*rules)[0].recovery, Recovery::kKernels);
    EXPECT_EQ((*rules)[1].recovery, Recovery::kSoft);
    EXPECT_EQ((*rules)[2].recovery, Recovery::kRing);
    EXPECT_EQ((*rules)[3].recovery, Recovery::kVram);
    EXPECT_EQ((*rules)[7].recovery, Recovery::kFull);
    EXPECT_EQ((*rules)[5].kind, Kind::kInterrupt);
    EXPECT_TRUE((*rules)[5].again);
    EXPECT_TRUE(parse_injection("")->empty());
}

TEST(Grammar, RefusesTheRestInOneSentence) {
    for (const char* text : {"explode",
                             "slow,",
                             ",slow",
                             "slow:",
                             "slow:ms",
                             "slow:ms=",
                             "slow:ms=x",
                             "slow:ms=-1",
                             "slow:colour=1",
                             "hang:nth=0",
                             "hang:every=0",
                             "hang:ms=3",
                             "slow:ring=paint",
                             "oom:ring=gfx",
                             "oom:bytes=1T",
                             "oom:bytes=99999999999G",
                             "reset:blame=me",
                             "slow:nth=1 ",
                             "hang:recovery=hope",
                             "slow:recovery=soft",
                             "interrupt:error=eio",
                             "interrupt:ring=gfx",
                             "hang:error=intr"}) {
        const auto rules = parse_injection(text);
        ASSERT_FALSE(rules) << text;
        EXPECT_EQ(rules.error().code, EINVAL);
        EXPECT_FALSE(rules.error().message.empty());
        EXPECT_EQ(rules.error().message.find('\n'), std::string::npos);
    }
}

TEST_F(Inject, RulesChooseRingAndClient) {
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

TEST_F(Inject, ASlowJobIsSlowAndRight) {
    Client a;
    inject("slow:ms=20");
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
    EXPECT_EQ(a.data.words()[0], 1u);
    EXPECT_NE(a.file.file().fdinfo().find("drm-engine-gfx:"), std::string::npos);
}

TEST_F(Inject, AJobThatIsSlowedBeyondItsTimeHangs) {
    Client a;
    inject("slow:ms=1000000");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ENODATA);
}

TEST_F(Inject, IoctlsThatBlockAreInterrupted) {
    Client a;
    inject("interrupt:every=2");
    EXPECT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -EINTR);
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_EQ(a.count(), -EINTR) << "nothing was submitted";
    EXPECT_EQ(a.count(), 0);
    inject("interrupt");
    const uint32_t syncobj = a.file.syncobj();
    EXPECT_EQ(a.file.syncobj_wait(syncobj), -EINTR);
    EXPECT_EQ(a.file.context_flags(a.context), 0u) << "what never blocks is not";
    uint32_t handle = 0;
    EXPECT_EQ(a.file.create(4096, &handle), -EINTR);
    inject("interrupt:error=again:nth=1");
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_EQ(a.count(), -EAGAIN);
    EXPECT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), 0);
    EXPECT_EQ(a.data.words()[0], 3u);
}

TEST_F(Inject, AllocationsFailFromASizeOn) {
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
