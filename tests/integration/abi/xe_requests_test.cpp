// Requests of a hostile guest of xe, and the answers.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "tests/integration/abi/vmm.h"
#include "uapi/xe.h"
#include "wire/xe.h"

namespace viaduct::test {
namespace {

namespace uapi_xe = uapi::xe;
namespace wire_xe = wire::xe;
using XeCommand = wire_xe::Command;

class XeRequests : public ::testing::Test {
  protected:
    template <typename Request>
    static Message message(XeCommand command, const Request& request,
                           std::span<const std::byte> payload = {}) {
        return Message::of(command, request, sizeof(wire_xe::Response),
                           offsetof(wire_xe::Response, ret))
            .append(payload);
    }
    /// A new VM. 0: refused.
    static uint32_t create_vm(GuestContext& guest, uint32_t flags = 0) {
        wire_xe::VmCreateRequest request{};
        request.flags = flags;
        const auto answer =
            guest.read_answer<wire_xe::Response>(message(XeCommand::kVmCreate, request));
        return answer.ret == 0 ? answer.value : 0;
    }
    void destroy_vm(uint32_t id) {
        wire_xe::VmDestroyRequest request{};
        request.vm_id = id;
        guest_.ask(Message::of(XeCommand::kVmDestroy, request, 0, 0));
    }
    static wire_xe::BindOp bind_op(uint32_t res_id, uint64_t addr, uint64_t range = 4096) {
        wire_xe::BindOp op{};
        op.op = uapi_xe::kBindMap;
        op.res_id = res_id;
        op.addr = addr;
        op.range = range;
        return op;
    }
    /// `ops` with this count in front of them.
    int bind(uint32_t vm, const std::vector<wire_xe::BindOp>& ops, uint32_t count) {
        wire_xe::VmBindRequest request{};
        request.vm_id = vm;
        request.num_binds = count;
        return guest_.ask(message(XeCommand::kVmBind, request, std::as_bytes(std::span(ops))));
    }
    int bind(uint32_t vm, const wire_xe::BindOp& op) { return bind(vm, {op}, 1); }
    wire_xe::Response create_queue(uint32_t vm, wire_xe::EngineInstance engine = {},
                                   uint16_t width = 1, uint16_t placements = 1) {
        wire_xe::ExecQueueCreateRequest request{};
        request.vm_id = vm;
        request.width = width;
        request.num_placements = placements;
        const auto bytes = std::as_bytes(std::span(&engine, 1));
        return guest_.read_answer<wire_xe::Response>(
            message(XeCommand::kExecQueueCreate, request, bytes));
    }
    static Message exec(uint32_t queue, uint64_t address, uint16_t batches) {
        wire_xe::ExecRequest request{};
        request.exec_queue_id = queue;
        request.num_batch_buffer = batches;
        request.address = address;
        return Message::of(XeCommand::kExec, request, sizeof(wire_xe::ExecResponse),
                           offsetof(wire_xe::ExecResponse, ret));
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(XeRequests, SeveralBatchesWouldBeAPointerOfTheHosts) {  // X1, X2
    const uint32_t vm = create_vm(guest_);
    const uint32_t queue = create_queue(vm).value;
    ASSERT_NE(queue, 0u);
    std::array<uint64_t, 4> addresses{};
    for (const uint16_t batches : std::initializer_list<uint16_t>{2, 3, 65535})
        for (const uint64_t address :
             {uint64_t{0}, reinterpret_cast<uint64_t>(addresses.data()), UINT64_MAX})
            EXPECT_EQ(guest_.ask(exec(queue, address, batches)), EINVAL) << batches;
    for (const uint16_t width : std::initializer_list<uint16_t>{0, 2, 65535})
        EXPECT_NE(create_queue(vm, {}, width).ret, 0) << width;
    EXPECT_TRUE(guest_.settle());
}

TEST_F(XeRequests, ManyEmptySubmissionsPileUpNothing) {  // X3
    const uint32_t queue = create_queue(create_vm(guest_)).value;
    ASSERT_NE(queue, 0u);
    EXPECT_TRUE(guest_.settle());
    const auto before = ProcessUse::now();
    for (int round = 0; round < 100; ++round) {
        Commands commands;
        for (int i = 0; i < 100; ++i)
            commands.add(exec(queue, 0xdead'0000'beef, 0), {0, 0, guest_.next_seqno(), 0});
        EXPECT_EQ(guest_.submit(commands), 0);
        EXPECT_TRUE(guest_.fence_retires(queue + wire_xe::kFirstQueueRing));
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_LE(ProcessUse::now().descriptors, before.descriptors + 4);
    wire_xe::EngineInstance binds{};
    binds.engine_class = uapi_xe::kClassVmBind;
    const auto of_binds = create_queue(create_vm(guest_), binds);
    EXPECT_NE(guest_.ask(exec(of_binds.value, 0, 0)), 0) << "not a queue of submissions";
}

TEST_F(XeRequests, NoBindNamesMemoryOfTheHost) {  // X4, X5, X6
    const uint32_t vm = create_vm(guest_);
    const uint32_t res_id = guest_.create_buffer(4096);
    struct Case {
        uint32_t op, flags;
    };
    for (const Case& c :
         {Case{uapi_xe::kBindMapUserptr, 0}, Case{uapi_xe::kBindMap, uapi_xe::kBindCpuMirror},
          Case{uapi_xe::kBindMap, uapi_xe::kBindCheckPxp},
          Case{uapi_xe::kBindMap, uapi_xe::kBindMadviseAutoreset},
          Case{uapi_xe::kBindMap, uapi_xe::kBindNull},  // and a resource
          Case{uapi_xe::kBindMap, 1u << 31}, Case{uapi_xe::kBindPrefetch, 0},
          Case{uapi_xe::kBindUnmapAll, 0},  // and a range
          Case{5, 0}, Case{UINT32_MAX, 0}}) {
        for (const uint32_t named : {res_id, 0u}) {
            auto op = bind_op(named, 0x10000);
            op.op = c.op;
            op.flags = c.flags;
            op.obj_offset = c.op == uapi_xe::kBindMapUserptr ? reinterpret_cast<uint64_t>(&op) : 0;
            const bool is_sparse = named == 0 && c.flags == uapi_xe::kBindNull;
            EXPECT_EQ(bind(vm, op) == 0, is_sparse) << c.op << " " << c.flags << " " << named;
        }
    }
    for (const uint32_t flags : {uapi_xe::kVmFaultMode, uapi_xe::kVmLongRunning, 8u, UINT32_MAX})
        EXPECT_EQ(create_vm(guest_, flags), 0u) << flags;
}

TEST_F(XeRequests, VmsAreThoseOfTheirContext) {  // X7
    const uint32_t gone = create_vm(guest_);
    destroy_vm(gone);
    GuestContext other(vmm_, 2);
    uint32_t foreign = 0;
    for (int i = 0; i < 5; ++i) foreign = create_vm(other);
    for (const uint32_t id : {gone, foreign, 0u, 77u, UINT32_MAX}) {
        EXPECT_NE(bind(id, bind_op(0, 0x10000)), 0) << id;
        EXPECT_NE(create_queue(id).ret, 0) << id;
        destroy_vm(id);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_TRUE(other.settle());
}

TEST_F(XeRequests, MappingsStayInTheirBufferAndInTheirSpace) {  // X8, X9
    const uint32_t vm = create_vm(guest_);
    const uint32_t res_id = guest_.create_buffer(4096);
    wire_xe::BindOp ops[] = {bind_op(res_id, 0x10000, 8192), bind_op(res_id, 1ull << 48),
                             bind_op(res_id, ~0xfffull),     bind_op(res_id, 0x10010),
                             bind_op(res_id, 0x10000, 0),    bind_op(res_id, 0x10000, 4095),
                             bind_op(res_id, 0, ~0xfffull),  bind_op(res_id, 0x10000),
                             bind_op(res_id, 0x10000),       bind_op(res_id, 0x10000)};
    ops[7].obj_offset = 4096;
    ops[8].obj_offset = UINT64_MAX - 0xfff;
    ops[9].pat_index = 0xffff;
    for (const auto& op : ops)
        EXPECT_NE(bind(vm, op), 0) << op.addr << " " << op.range << " " << op.obj_offset;
    EXPECT_EQ(bind(vm, bind_op(res_id, 0x10000)), 0) << "nothing of those is in its place";
}

TEST_F(XeRequests, ResourcesAreThoseOfTheirContext) {  // X10
    const uint32_t vm = create_vm(guest_);
    GuestContext other(vmm_, 2);
    const uint32_t foreign = other.create_buffer(4096);
    const uint32_t detached = guest_.create_buffer(4096);
    virgl_renderer_ctx_detach_resource(1, static_cast<int>(detached));
    for (const uint32_t res_id : {foreign, detached, 2u /* control buffer */, 4711u, UINT32_MAX})
        EXPECT_EQ(bind(vm, bind_op(res_id, 0x10000)), ENOENT) << res_id;
    EXPECT_NE(bind(vm, bind_op(0, 0x10000)), 0);
    wire_xe::BindOp all{};
    all.op = uapi_xe::kBindUnmapAll;
    EXPECT_NE(bind(vm, all), 0);
}

TEST_F(XeRequests, CountsMustMatchWhatCame) {  // X11
    const uint32_t vm = create_vm(guest_);
    // 0xccccccd of them are 8 bytes more than 2^32: less than there are, in 32 bits.
    for (const uint32_t count : {0u, 2u, 0x6666667u, 0xccccccdu, 0x10000000u, UINT32_MAX})
        EXPECT_EQ(bind(vm, {wire_xe::BindOp{}}, count), EINVAL) << count;
    for (const uint16_t count : std::initializer_list<uint16_t>{0, 2, 65535})
        EXPECT_NE(create_queue(vm, {}, 1, count).ret, 0) << count;
    EXPECT_NE(create_queue(vm, {}, 65535, 65535).ret, 0);
    EXPECT_NE(bind(vm, std::vector<wire_xe::BindOp>(200'000), 200'000), 0);
    EXPECT_TRUE(guest_.settle());
}

TEST_F(XeRequests, EnginesAreThoseOfTheChip) {  // X12
    const uint32_t vm = create_vm(guest_);
    using Engine = wire_xe::EngineInstance;
    for (const Engine& engine :
         {Engine{6, 0, 0, 0}, Engine{uapi_xe::kClassRender, 1, 0, 0},
          Engine{uapi_xe::kClassRender, 0, 255, 0}, Engine{UINT16_MAX, UINT16_MAX, UINT16_MAX, 0}})
        EXPECT_NE(create_queue(vm, engine).ret, 0) << engine.engine_class;
    EXPECT_EQ(create_queue(vm).ret, 0);
}

TEST_F(XeRequests, BuffersThatCannotBe) {  // X14
    struct Case {
        uint64_t size;
        uint32_t placement, flags;
        uint16_t caching;
    };
    for (const Case& c : {Case{0, 1, 0, 1}, Case{4097, 1, 0, 1}, Case{1ull << 62, 1, 0, 1},
                          Case{UINT64_MAX, 1, 0, 1}, Case{4096, 0, 0, 1},
                          Case{4096, UINT32_MAX, 0, 1}, Case{4096, 1, UINT32_MAX, 1},
                          Case{4096, 1, 0, 0}, Case{4096, 1, 0, 3}, Case{4096, 1, 0, 65535}}) {
        wire_xe::GemCreateRequest request{};
        request.size = c.size;
        request.placement = c.placement;
        request.flags = c.flags;
        request.cpu_caching = c.caching;
        request.blob_id = 9;
        guest_.ask(Message::of(XeCommand::kGemCreate, request, 0, 0));
        EXPECT_NE(guest_.create_blob(vmm_.next_res_id(), 9, 4096), 0)
            << c.size << " " << c.placement << " " << c.flags << " " << c.caching;
    }
    guest_.make_buffer(9, 4096);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 9, 4096), 0) << "the id is free still";
}

TEST_F(XeRequests, QueriesOfAnySize) {  // X17
    for (const uint32_t id : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 11u, 0x80000000u, UINT32_MAX}) {
        for (const uint32_t size : {1u, 7u, 0x7fffffffu, 0xfffffff0u, UINT32_MAX}) {
            std::memset(guest_.area().data(), 0xee, 256);
            constexpr uint32_t kRoom = 128;
            std::memcpy(guest_.area().data(), &kRoom, sizeof(kRoom));
            wire_xe::DeviceQueryRequest request{};
            request.query = id;
            request.size = size;
            const uint32_t seqno = guest_.next_seqno();
            guest_.submit(
                Commands().add(message(XeCommand::kDeviceQuery, request), {0, 0, seqno, 0}));
            ASSERT_TRUE(guest_.wait_seqno(seqno)) << id << " " << size;
            wire_xe::Response answer;
            std::memcpy(&answer, guest_.area().data(), sizeof(answer));
            EXPECT_NE(answer.ret, 0) << id << " " << size;
            EXPECT_EQ(guest_.area()[kRoom], std::byte{0xee}) << "beyond the room";
        }
    }
}

TEST_F(XeRequests, QueuesAreThoseOfTheirContextAndCounted) {  // X18, X20, X28
    const uint32_t vm = create_vm(guest_);
    GuestContext other(vmm_, 2);
    for (int i = 0; i < 5; ++i) other.create_gpu_context();
    const uint32_t foreign = other.create_gpu_context().id;
    for (const uint32_t id : {foreign, 0u, 63u, 77u, UINT32_MAX})
        EXPECT_EQ(guest_.ask(exec(id, 0, 0)), ENOENT) << id;
    uint32_t made = 0;
    while (made < 100 && create_queue(vm).ret == 0) ++made;
    EXPECT_EQ(made, wire_xe::kLastQueue) << "a higher id could not submit";
    uint32_t vms = 0;
    while (vms < 1000 && create_vm(guest_) != 0) ++vms;
    EXPECT_LT(vms, 1000u);
    EXPECT_TRUE(other.settle());
    EXPECT_NE(create_vm(other), 0u) << "another context has its own";
}

TEST_F(XeRequests, AHungQueueHoldsNeitherBindsNorTheEndOfItsVm) {  // X21, X25
    GuestContext hanging(vmm_, 2, GuestContext::Control::kCreate, "hang");
    const GpuContext queue = hanging.create_gpu_context();
    ASSERT_NE(hanging.submit_write(queue, 1), 0u);
    const uint64_t fence = vmm_.next_fence_id();
    EXPECT_EQ(hanging.create_fence(queue.ring, fence), 0);
    const uint32_t res_id = hanging.create_buffer(4096);
    EXPECT_EQ(hanging.map(res_id, 0x9000'0000, 4096), 0);
    wire_xe::VmDestroyRequest request{};
    for (request.vm_id = 1; request.vm_id < 4; ++request.vm_id)
        hanging.ask(Message::of(XeCommand::kVmDestroy, request, 0, 0));
    EXPECT_TRUE(guest_.settle());
    EXPECT_TRUE(vmm_.wait_fence(fence));
}

}  // namespace
}  // namespace viaduct::test
