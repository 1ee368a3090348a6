// Hostile control buffers and responses (B).
#include <amdgpu_drm.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

constexpr auto kQueryInfo = static_cast<uint32_t>(w::Command::kQueryInfo);

w::QueryInfoRequest query(uint32_t seqno, uint32_t rsp_off, uint32_t return_size) {
    w::QueryInfoRequest request{};
    request.hdr = {kQueryInfo, sizeof(request), seqno, rsp_off};
    request.query = AMDGPU_INFO_DEV_INFO;
    request.return_size = return_size;
    return request;
}

class ControlTest : public ::testing::Test {
  protected:
    uint32_t area_size() { return static_cast<uint32_t>(guest_.area().size()); }
    uint32_t word(uint32_t offset) {
        uint32_t value;
        std::memcpy(&value, guest_.area().data() + offset, sizeof(value));
        return value;
    }
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(ControlTest, AFailedCommandLeavesNothingForTheNext) {  // B1
    std::memset(guest_.area().data(), 0x55, guest_.area().size());
    Commands commands;
    // Fails after its response was sized; then one without a response, pointing far outside.
    commands.add(query(guest_.next_seqno(), 0, UINT32_MAX));
    w::GemNewRequest gem{};
    gem.hdr = {2, sizeof(gem), guest_.next_seqno(), 0xfffffff8};
    commands.add(gem);
    guest_.submit(commands);
    ASSERT_TRUE(guest_.wait_seqno(gem.hdr.seqno));
    EXPECT_EQ(word(area_size() - 8), 0x55555555u);
}

TEST_F(ControlTest, ScribblingOverTheHeaderChangesNothing) {  // B2, B14
    std::memset(guest_.control().data(), 0xff, sizeof(w::Shmem));
    const auto answer =
        guest_.ask<w::CreateCtxResponse>(w::Command::kCreateCtx, w::CreateCtxRequest{});
    EXPECT_EQ(answer.base.ret, 0);
    EXPECT_NE(answer.ctx_id, 0u);
    guest_.gem_new(0, 4096);  // refused: counted from the host's own count
    EXPECT_EQ(guest_.async_error(), 1u);
}

TEST(Control, SizesThatCannotWorkAreRefused) {  // B3, B4
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kNone);
    for (const uint64_t size : {0ull, 1ull, 8ull, 91ull, (16ull << 20) + 1, 1ull << 32, 1ull << 63})
        EXPECT_EQ(guest.create_blob(vmm.next_res_id(), 0, size), -EINVAL) << size;
    EXPECT_EQ(guest.create_blob(vmm.next_res_id(), 0, 4095), 0);
}

TEST(Control, FlagsOtherThanMappableAreRefused) {  // B12
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kNone);
    for (const uint32_t flags : {0u, 2u, 3u, 4u, 5u, 7u})
        EXPECT_EQ(guest.create_blob(vmm.next_res_id(), 0, 0x4000, flags), -EINVAL) << flags;
}

TEST_F(ControlTest, ASecondOneIsRefusedAndTheFirstWorks) {  // B11
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 0, 0x4000), -EINVAL);
    EXPECT_TRUE(guest_.settle());
}

TEST_F(ControlTest, TheRoomIsReadOnce) {  // B5
    std::atomic<bool> stop = false;
    std::thread flipper([&] {
        std::atomic_ref room(*reinterpret_cast<uint32_t*>(guest_.area().data()));
        for (uint32_t i = 0; !stop; ++i) room.store(i % 2 ? 0xffffffff : 16);
    });
    constexpr uint32_t kResponse = 8 + 64;
    std::memset(guest_.area().data() + kResponse, 0x77, 64);
    uint32_t last = 0;
    for (int i = 0; i < 500; ++i) {
        Commands commands;
        commands.add(query(last = guest_.next_seqno(), 0, 64));
        guest_.submit(commands);
    }
    EXPECT_TRUE(guest_.wait_seqno(last));
    stop = true;
    flipper.join();
    EXPECT_EQ(word(kResponse), 0x77777777u);
}

TEST_F(ControlTest, RoomOfAnySize) {  // B6
    for (const uint32_t room : {0u, 1u, 3u, 4u, 8u, 20u, 72u, 0xffffffffu}) {
        std::memset(guest_.area().data(), 0x66, 256);
        std::memcpy(guest_.area().data(), &room, sizeof(room));
        Commands commands;
        const uint32_t seqno = guest_.next_seqno();
        commands.add(query(seqno, 0, 64));
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(seqno)) << room;
        const uint32_t written = room < 4 ? room : std::min(room, 72u);
        EXPECT_EQ(word(0), written);
        EXPECT_EQ(word(72), 0x66666666u);
    }
}

TEST_F(ControlTest, ResponsesThatDoNotFitAreNotWritten) {  // B7
    for (const uint32_t rsp_off :
         {area_size(), area_size() - 8, 0xfffffff8u, 0xffffffc0u, 0x80000000u}) {
        std::memset(guest_.area().data(), 0x44, guest_.area().size());
        Commands commands;
        const uint32_t seqno = guest_.next_seqno();
        w::BoQueryInfoRequest request{};
        request.hdr = {6, sizeof(request), seqno, rsp_off};
        commands.add(request);
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(seqno)) << rsp_off;
        for (const std::byte byte : guest_.area()) ASSERT_EQ(byte, std::byte{0x44}) << rsp_off;
    }
}

TEST_F(ControlTest, AResponseLargerThanItsRoomIsAnError) {  // B8
    for (const uint32_t size : {0x10000u, 0x7fffffffu, 0xfffffff7u, 0xfffffff8u, 0xffffffffu}) {
        const uint32_t room = 16;
        std::memset(guest_.area().data(), 0, 64);
        std::memcpy(guest_.area().data(), &room, sizeof(room));
        Commands commands;
        const uint32_t seqno = guest_.next_seqno();
        commands.add(query(seqno, 0, size));
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(seqno)) << size;
        EXPECT_EQ(static_cast<int32_t>(word(4)), -EINVAL) << size;
    }
    EXPECT_EQ(guest_.async_error(), 0u);
}

TEST_F(ControlTest, ResponsesMayOverlapButNeverReachTheHeader) {  // B9
    Commands commands;
    uint32_t last = 0;
    for (int i = 0; i < 4; ++i) commands.add(query(last = guest_.next_seqno(), 0, 64));
    const uint32_t room = 128;
    std::memcpy(guest_.area().data(), &room, sizeof(room));
    guest_.submit(commands);
    ASSERT_TRUE(guest_.wait_seqno(last));
    EXPECT_EQ(guest_.published_seqno(), last);
    EXPECT_EQ(word(0), 72u);
}

TEST(Control, CommandsBeforeItExists) {  // B10
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kNone);
    Commands commands;
    for (uint32_t cmd = 0; cmd < 12; ++cmd)
        commands.add(query(guest.next_seqno(), 0, 64)).add(wire::RequestHeader{cmd, 16, cmd, 0});
    EXPECT_EQ(guest.submit(commands), 0);
    EXPECT_TRUE(guest.fence_retires(0));
    guest.create_control();
    EXPECT_TRUE(guest.settle());
}

TEST_F(ControlTest, NobodyCanResizeIt) {  // B13
    uint32_t type = 0;
    int fd = -1;
    const uint32_t first_res = 2;
    ASSERT_EQ(virgl_renderer_resource_export_blob(first_res, &type, &fd), 0);
    const UniqueFd owned(fd);
    EXPECT_NE(::ftruncate(fd, 0), 0);
    EXPECT_NE(::ftruncate(fd, 1 << 20), 0);
}

TEST_F(ControlTest, SequenceNumbersAreTheGuests) {  // B15
    for (const uint32_t seqno : {5u, 5u, 3u, 0xffffffffu, 0u, 0x80000000u}) {
        const wire::RequestHeader header{0, 16, seqno, 0};
        Commands commands;
        commands.add(header);
        guest_.submit(commands);
        EXPECT_TRUE(guest_.fence_retires(0));
        EXPECT_EQ(guest_.published_seqno(), seqno);
    }
}

TEST_F(ControlTest, ItOutlivesItsResource) {  // B16
    virgl_renderer_ctx_detach_resource(1, 2);
    virgl_renderer_resource_unref(2);
    EXPECT_TRUE(guest_.settle());
}

TEST_F(ControlTest, ShortKernelAnswersArePaddedWithZeros) {  // B17
    w::QueryInfoRequest request{};
    request.query = AMDGPU_INFO_ACCEL_WORKING;
    request.return_size = 64;
    const auto answer = guest_.call(kQueryInfo, request, 72);
    for (size_t i = 12; i < answer.size(); ++i) EXPECT_EQ(answer[i], std::byte{0}) << i;
}

// Jail.ALargeControlBufferCostsNothing measures its cost to a worker.
class LargeControl : public ::testing::Test {
  protected:
    LargeControl() { guest_.create_control(16 << 20); }
    w::Response ask_for(uint32_t what, uint32_t bytes) {
        const uint32_t room = bytes + sizeof(w::Response);
        std::memcpy(guest_.area().data(), &room, sizeof(room));
        w::QueryInfoRequest request = query(guest_.next_seqno(), 0, bytes);
        request.query = what;
        request.args[0] = AMDGPU_INFO_VBIOS_INFO;
        EXPECT_EQ(guest_.submit(Commands().add(request)), 0);
        EXPECT_TRUE(guest_.wait_seqno(request.hdr.seqno));
        w::Response answer;
        std::memcpy(&answer, guest_.area().data(), sizeof(answer));
        return answer;
    }
    void expect_refused(uint32_t what, uint32_t bytes) {
        const w::Response answer = ask_for(what, bytes);
        EXPECT_EQ(answer.hdr.len, sizeof(answer)) << "the error alone";
        EXPECT_EQ(answer.ret, -EINVAL);
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1, GuestContext::Control::kNone};
};

TEST_F(LargeControl, MakesNoLargeAnswers) {
    expect_refused(AMDGPU_INFO_DEV_INFO, 0xf00000);
    expect_refused(AMDGPU_INFO_DEV_INFO, 4097);
    expect_refused(AMDGPU_INFO_VBIOS, (64 << 10) + 1);
    EXPECT_EQ(guest_.async_error(), 0u);
    EXPECT_TRUE(guest_.settle());
}

TEST_F(LargeControl, HasRoomForWhatTheKernelCanAnswer) {
    EXPECT_EQ(ask_for(AMDGPU_INFO_DEV_INFO, 4096).ret, 0);
    EXPECT_EQ(ask_for(AMDGPU_INFO_VBIOS, 64 << 10).ret, 0);
}

}  // namespace
}  // namespace viaduct::test
