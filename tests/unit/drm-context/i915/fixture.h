// An i915 context on the simulated Tiger Lake: its kernel checks what we make of a guest's bytes.
#pragma once

#include <drm.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "drm-context/context/command_loop.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/uapi.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct::i915 {

namespace w = wire::i915;

inline constexpr uint32_t kBatchEnd = 0x05000000;  // MI_BATCH_BUFFER_END
inline constexpr uint64_t kHigh = 0x1'0000'0000;
inline constexpr uint64_t kPinned = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;

class I915ContextTest : public ::testing::Test {
  protected:
    explicit I915ContextTest(const ContextLimits& limits = ContextLimits()) {
        auto account = ContextAccount::attach({}, limits);
        context_ =
            create_context(open_simulated_device("tgl").value(), *std::move(account)).value();
        loop_.emplace(*context_, abandoned_);
        control_ = transport::create_control_memory(kControlBytes, context_->traits().area_offset())
                       .value();
        EXPECT_TRUE(context_->adopt_control_buffer(control_));
        shmem_ = Mapping::map_shared(control_.get(), 0, kControlBytes).value();
    }

    static void append(std::vector<std::byte>& to, const void* from, size_t size) {
        const auto* bytes = static_cast<const std::byte*>(from);
        to.insert(to.end(), bytes, bytes + size);
    }
    /// A request with a payload behind it; the header is filled in.
    template <typename Request>
    static std::vector<std::byte> make(w::Command command, Request request,
                                       std::span<const std::byte> payload = {}) {
        request.hdr = {static_cast<uint32_t>(command),
                       static_cast<uint32_t>(sizeof(request) + payload.size()), 1, 0};
        std::vector<std::byte> bytes;
        append(bytes, &request, sizeof(request));
        append(bytes, payload.data(), payload.size());
        return bytes;
    }
    Status run(const std::vector<std::byte>& request, uint32_t room = 4096) {
        std::memset(response_area(), 0xee, 4096);
        std::memcpy(response_area(), &room, sizeof(room));
        return loop_->run(request);
    }
    template <typename Response>
    Response response() {
        Response value;
        std::memcpy(&value, response_area(), sizeof(value));
        return value;
    }
    template <typename Response, typename Request>
    Response ask(w::Command command, Request request, std::span<const std::byte> payload = {}) {
        (void)run(make(command, request, payload));
        return response<Response>();
    }
    /// `ret` of an ioctl, and what became of its argument. Of one that is not answered: the errno.
    template <typename Argument>
    int32_t simple(uint32_t request, Argument& argument) {
        w::IoctlSimpleRequest head{};
        head.cmd = request;
        const Status status =
            run(make(w::Command::kIoctlSimple, head, std::as_bytes(std::span(&argument, 1))));
        if (!(request & IOC_OUT)) return status ? 0 : status.error().code;
        const auto answer = response<w::IoctlSimpleResponse>();
        if (answer.ret == 0)
            std::memcpy(&argument, response_area() + sizeof(answer), sizeof(argument));
        return answer.ret;
    }
    Status gem_create(uint32_t blob_id, uint64_t size = 4096) {
        w::GemCreateRequest request{};
        request.size = size;
        request.blob_id = blob_id;
        return run(make(w::Command::kGemCreate, request));
    }
    /// Resource `id` of 4 KiB, with a batch that ends at once.
    void create_batch(uint32_t id) {
        ASSERT_TRUE(gem_create(id));
        ASSERT_TRUE(context_->create_blob({ResourceId(id), kBlobMappable, id, 4096}));
        const auto source = context_->map_source(ResourceId(id)).value();
        auto memory = Mapping::map_shared(source.fd.get(), source.offset, 4096).value();
        std::memcpy(memory.data(), &kBatchEnd, sizeof(kBatchEnd));
    }
    static drm_i915_gem_exec_object2 object(uint32_t id, uint64_t offset) {
        drm_i915_gem_exec_object2 object{};
        object.handle = id;
        object.offset = offset;
        object.flags = kPinned;
        return object;
    }
    w::GemExecbuffer2Request submission(uint32_t buffers, uint32_t gem_context = 0) {
        w::GemExecbuffer2Request request{};
        request.flags = I915_EXEC_NO_RELOC | I915_EXEC_HANDLE_LUT;
        request.context_id = gem_context;
        request.buffer_count = buffers;
        return request;
    }
    int32_t submit(const w::GemExecbuffer2Request& request,
                   const std::vector<drm_i915_gem_exec_object2>& objects,
                   const std::vector<drm_i915_gem_relocation_entry>& relocations = {}) {
        std::vector<std::byte> payload;
        append(payload, objects.data(), objects.size() * sizeof(objects[0]));
        append(payload, relocations.data(), relocations.size() * sizeof(relocations[0]));
        return ask<w::GemExecbuffer2Response>(w::Command::kGemExecbuffer2, request, payload).ret;
    }
    int32_t submit(uint32_t id, uint32_t gem_context = 0) {
        return submit(submission(1, gem_context), {object(id, kHigh)});
    }
    uint32_t create_gem_context(bool recoverable) {
        drm_i915_gem_context_create_ext_setparam record{};
        record.param.param = I915_CONTEXT_PARAM_RECOVERABLE;
        record.param.value = recoverable;
        return create_gem_context(std::as_bytes(std::span(&record, 1))).ctx_id;
    }
    w::GemContextCreateResponse create_gem_context(std::span<const std::byte> params) {
        w::GemContextCreateRequest request{};
        request.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
        request.params_size = static_cast<uint32_t>(params.size());
        return ask<w::GemContextCreateResponse>(w::Command::kGemContextCreate, request, params);
    }
    /// Until the GPU is done with a resource.
    void wait_idle(uint32_t id) {
        w::GemBusyRequest request{};
        request.res_id = id;
        while (ask<w::GemBusyResponse>(w::Command::kGemBusy, request).busy != 0) {
        }
    }
    uint64_t banned_mask() const {
        w::Shmem value;
        std::memcpy(&value, shmem_.data(), sizeof(value));
        return value.banned_ctx_mask;
    }
    account::ContextCounters& counters() { return context_->account().counters(); }
    std::byte* response_area() { return shmem_.data() + context_->traits().area_offset(); }

    static constexpr size_t kControlBytes = 0x4000;

    std::atomic<uint32_t> abandoned_ = 0;
    std::unique_ptr<DriverContext> context_;
    std::optional<CommandLoop> loop_;
    UniqueFd control_;
    Mapping shmem_;
};

}  // namespace viaduct::i915
