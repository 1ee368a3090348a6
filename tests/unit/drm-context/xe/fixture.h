// An xe context on the simulated Tiger Lake, whose ioctls are recorded.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "drm-context/context/command_loop.h"
#include "drm-context/device/device_decorator.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/transport/control_memory.h"
#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;
namespace u = uapi::xe;

/// A context's calls of the kernel.
struct KernelRecord {
    std::vector<unsigned long> requests;
    std::vector<u::BindOp> binds;
    std::vector<u::Exec> execs;
    std::vector<std::vector<u::Sync>> syncs;  // of each EXEC
    int failure = 0;                          // errno of every ioctl from now on; 0: none

    size_t count(unsigned long request) const {
        return static_cast<size_t>(std::count(requests.begin(), requests.end(), request));
    }
};

class RecordedDevice final : public DeviceDecorator {
  public:
    RecordedDevice(std::unique_ptr<Device> device, KernelRecord& record)
        : DeviceDecorator(std::move(device)), record_(record) {}

    int ioctl(unsigned long request, void* argument) override {
        if (record_.failure != 0) return -record_.failure;
        record_.requests.push_back(request);
        if (request == u::kVmBind) {
            const auto& args = *static_cast<u::VmBind*>(argument);
            const auto* ops = args.num_binds == 1
                                  ? &args.bind
                                  : reinterpret_cast<const u::BindOp*>(args.vector_of_binds);
            record_.binds.insert(record_.binds.end(), ops, ops + args.num_binds);
        }
        if (request == u::kExec) {
            const auto& args = *static_cast<u::Exec*>(argument);
            const auto* syncs = reinterpret_cast<const u::Sync*>(args.syncs);
            record_.execs.push_back(args);
            record_.syncs.emplace_back(syncs, syncs + args.num_syncs);
        }
        return DeviceDecorator::ioctl(request, argument);
    }

  private:
    KernelRecord& record_;
};

class XeContextTest : public ::testing::Test {
  protected:
    explicit XeContextTest(const ContextLimits& limits = ContextLimits()) {
        ::setenv("VIADUCT_SIMGPU_HANG_MS", "100", 1);
        auto account = ContextAccount::attach({}, limits);
        auto device = open_simulated_device("tgl-xe").value();
        context_ = create_context(std::make_unique<RecordedDevice>(std::move(device), kernel_),
                                  *std::move(account))
                       .value();
        loop_.emplace(*context_, abandoned_);
        control_ = transport::create_control_memory(kControlBytes, context_->traits().area_offset())
                       .value();
        EXPECT_TRUE(context_->adopt_control_buffer(control_));
        shmem_ = Mapping::map_shared(control_.get(), 0, kControlBytes).value();
    }

    ~XeContextTest() override { ::unsetenv("VIADUCT_SIMGPU_HANG_MS"); }

    static constexpr size_t kControlBytes = 0x4000;
    std::byte* area() { return shmem_.data() + context_->traits().area_offset(); }
    uint64_t banned() const {
        w::Shmem value;
        std::memcpy(&value, shmem_.data(), sizeof(value));
        return value.banned_exec_queue_mask;
    }

    /// Runs a request with `tail` behind it. `room`: bytes for the response.
    template <typename Request>
    Status run(w::Command command, Request request, std::span<const std::byte> tail = {},
               uint32_t room = sizeof(w::Response)) {
        request.hdr = {static_cast<uint32_t>(command),
                       static_cast<uint32_t>(sizeof(request) + tail.size()), 1, 0};
        std::vector<std::byte> bytes(request.hdr.len);
        std::memcpy(bytes.data(), &request, sizeof(request));
        if (!tail.empty()) std::memcpy(bytes.data() + sizeof(request), tail.data(), tail.size());
        std::memset(area(), 0xee, 4096);
        std::memcpy(area(), &room, sizeof(room));
        return loop_->run(bytes);
    }
    template <typename Request>
    w::Response ask(w::Command command, const Request& request,
                    std::span<const std::byte> tail = {}, uint32_t room = sizeof(w::Response)) {
        (void)run(command, request, tail, room);
        w::Response response;
        std::memcpy(&response, area(), sizeof(response));
        return response;
    }

    uint32_t vm(uint32_t flags = 0) {
        w::VmCreateRequest request{};
        request.flags = flags;
        const auto answer = ask(w::Command::kVmCreate, request);
        return answer.ret == 0 ? answer.value : 0;
    }
    Status gem(uint32_t blob, uint64_t size = 4096) {
        w::GemCreateRequest request{};
        request.size = size;
        request.placement = 1;
        request.blob_id = blob;
        request.cpu_caching = u::kCachingWriteBack;
        return run(w::Command::kGemCreate, request);
    }
    /// Resource `id`.
    void create_buffer(uint32_t id, uint64_t size = 4096) {
        ASSERT_TRUE(gem(id, size));
        ASSERT_TRUE(context_->create_blob({ResourceId(id), /*mappable*/ 1, id, size}));
    }
    static w::BindOp map(uint32_t resource, uint64_t addr, uint64_t range = 4096) {
        w::BindOp op{};
        op.op = u::kBindMap;
        op.res_id = resource;
        op.addr = addr;
        op.range = range;
        return op;
    }
    int32_t bind(uint32_t vm, const std::vector<w::BindOp>& ops) {
        w::VmBindRequest request{};
        request.vm_id = vm;
        request.num_binds = static_cast<uint32_t>(ops.size());
        return ask(w::Command::kVmBind, request, std::as_bytes(std::span(ops))).ret;
    }
    w::Response create_queue(uint32_t vm, w::EngineInstance engine = {}, uint32_t flags = 0,
                             uint16_t width = 1) {
        w::ExecQueueCreateRequest request{};
        request.vm_id = vm;
        request.flags = flags;
        request.width = width;
        request.num_placements = 1;
        const std::vector<w::EngineInstance> engines(width, engine);
        return ask(w::Command::kExecQueueCreate, request, std::as_bytes(std::span(engines)));
    }
    void destroy_queue(uint32_t id) {
        w::ExecQueueDestroyRequest request{};
        request.exec_queue_id = id;
        (void)run(w::Command::kExecQueueDestroy, request);
    }
    int32_t exec(uint32_t queue, uint64_t address, uint16_t batches = 1) {
        w::ExecRequest request{};
        request.exec_queue_id = queue;
        request.num_batch_buffer = batches;
        request.address = address;
        (void)run(w::Command::kExec, request, {}, sizeof(w::ExecResponse));
        w::ExecResponse response;
        std::memcpy(&response, area(), sizeof(response));
        return response.ret;
    }
    /// Waits until the ring of a queue has nothing to do.
    void drain(uint32_t queue) {
        while (!context_->rings().idle(RingIndex(queue + w::kFirstQueueRing)))
            std::this_thread::yield();
        context_->check_for_reset();
    }

    KernelRecord kernel_;
    std::atomic<uint32_t> abandoned_ = 0;
    std::unique_ptr<DriverContext> context_;
    std::optional<CommandLoop> loop_;
    UniqueFd control_;
    Mapping shmem_;
};

}  // namespace viaduct::xe
