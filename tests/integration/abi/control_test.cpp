// Hostile control buffers and responses (B).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

class ControlTest : public ::testing::Test {
  protected:
    uint32_t area_size() { return static_cast<uint32_t>(guest_.area().size()); }
    uint32_t word(uint32_t offset) {
        uint32_t value;
        std::memcpy(&value, guest_.area().data() + offset, sizeof(value));
        return value;
    }
    /// Adds a query whose answer has `bytes` behind its head. The bytes of that answer.
    uint32_t add_query(Commands& commands, uint32_t bytes, uint32_t rsp_off = 0) {
        const Message query = guest_.driver().query(bytes);
        commands.add(query, {0, 0, last_ = guest_.next_seqno(), rsp_off});
        return query.answer;
    }
    void set_room(uint32_t room) { std::memcpy(guest_.area().data(), &room, sizeof(room)); }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
    uint32_t last_ = 0;  // sequence number of the newest query
};

TEST_F(ControlTest, AFailedCommandLeavesNothingForTheNext) {  // B1
    std::memset(guest_.area().data(), 0x55, guest_.area().size());
    Commands commands;
    // Fails after its response was sized; then one without a response, pointing far outside.
    add_query(commands, UINT32_MAX);
    const uint32_t last = guest_.next_seqno();
    commands.add(guest_.driver().make_buffer(0, 4096), {0, 0, last, 0xfffffff8});
    guest_.submit(commands);
    ASSERT_TRUE(guest_.wait_seqno(last));
    EXPECT_EQ(word(area_size() - 8), 0x55555555u);
}

TEST_F(ControlTest, ScribblingOverTheHeaderChangesNothing) {  // B2, B14
    std::memset(guest_.control().data(), 0xff, guest_.facts().shmem_size);
    EXPECT_NE(guest_.create_gpu_context().id, 0u);
    guest_.make_buffer(0, 4096);  // refused
    if (guest_.facts().counts_failures) {
        EXPECT_EQ(guest_.loss_field(), 1u) << "from the host's own count";
    }
    EXPECT_TRUE(guest_.settle());
}

TEST(Control, SizesThatCannotWorkAreRefused) {  // B3, B4
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kNone);
    const uint64_t too_small = guest.facts().shmem_size + 3;  // no room for an answer
    for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{8}, too_small,
                                (uint64_t{16} << 20) + 1, uint64_t{1} << 32, uint64_t{1} << 63})
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
    const uint32_t response = guest_.driver().query(64).answer;
    std::memset(guest_.area().data() + response, 0x77, 64);
    for (int i = 0; i < 500; ++i) {
        Commands commands;
        add_query(commands, 64);
        guest_.submit(commands);
    }
    EXPECT_TRUE(guest_.wait_seqno(last_));
    stop = true;
    flipper.join();
    EXPECT_EQ(word(response), 0x77777777u);
}

TEST_F(ControlTest, RoomOfAnySize) {  // B6
    const uint32_t response = guest_.driver().query(64).answer;
    for (const uint32_t room : {0u, 1u, 3u, 4u, 8u, 20u, response, 0xffffffffu}) {
        std::memset(guest_.area().data(), 0x66, 256);
        set_room(room);
        Commands commands;
        add_query(commands, 64);
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(last_)) << room;
        const uint32_t written = room < 4 ? room : std::min(room, response);
        EXPECT_EQ(word(0), written);
        EXPECT_EQ(word(response), 0x66666666u);
    }
}

TEST_F(ControlTest, ResponsesThatDoNotFitAreNotWritten) {  // B7
    for (const uint32_t rsp_off :
         {area_size(), area_size() - 8, 0xfffffff8u, 0xffffffc0u, 0x80000000u}) {
        std::memset(guest_.area().data(), 0x44, guest_.area().size());
        const uint32_t seqno = guest_.next_seqno();
        Commands commands;
        commands.add(guest_.driver().probe(), {0, 0, seqno, rsp_off});
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(seqno)) << rsp_off;
        for (const std::byte byte : guest_.area()) ASSERT_EQ(byte, std::byte{0x44}) << rsp_off;
    }
}

TEST_F(ControlTest, AResponseLargerThanItsRoomIsAnError) {  // B8
    const uint32_t ret = guest_.driver().query(0).ret;
    for (const uint32_t size : {0x10000u, 0x7fffffffu, 0xfffffff7u, 0xfffffff8u, 0xffffffffu}) {
        std::memset(guest_.area().data(), 0, 64);
        set_room(16);
        Commands commands;
        add_query(commands, size);
        guest_.submit(commands);
        ASSERT_TRUE(guest_.wait_seqno(last_)) << size;
        EXPECT_EQ(std::abs(static_cast<int32_t>(word(ret))), EINVAL) << size;
    }
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(ControlTest, ResponsesMayOverlapButNeverReachTheHeader) {  // B9
    Commands commands;
    uint32_t response = 0;
    for (int i = 0; i < 4; ++i) response = add_query(commands, 64);
    set_room(128);
    guest_.submit(commands);
    ASSERT_TRUE(guest_.wait_seqno(last_));
    EXPECT_EQ(guest_.published_seqno(), last_);
    EXPECT_EQ(word(0), response);
}

TEST_F(ControlTest, AnAnswerHasNothingOfTheHostsMemory) {  // B17
    const Message probe = guest_.driver().probe();
    std::memset(guest_.area().data(), 0xee, 256);
    set_room(256);
    const uint32_t seqno = guest_.next_seqno();
    guest_.submit(Commands().add(probe, {0, 0, seqno, 0}));
    ASSERT_TRUE(guest_.wait_seqno(seqno));
    const uint32_t length = word(0);
    ASSERT_LE(length, 256u);
    EXPECT_NE(word(probe.ret), 0u);
    for (uint32_t at = 4; at < 256; ++at) {
        if (at >= probe.ret && at < probe.ret + 4) continue;
        const std::byte byte = guest_.area()[at];
        ASSERT_EQ(byte, at < length ? std::byte{0} : std::byte{0xee}) << "at " << at;
    }
}

TEST(Control, CommandsBeforeItExists) {  // B10
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kNone);
    Commands commands;
    for (uint32_t cmd = 0; cmd < 12; ++cmd)
        commands.add(guest.driver().query(64), {0, 0, guest.next_seqno(), 0})
            .add(wire::RequestHeader{cmd, 16, cmd, 0});
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

}  // namespace
}  // namespace viaduct::test
