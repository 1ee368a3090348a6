// An amdgpu context on a scripted kernel: what it answers is the test's choice.
#pragma once

#include <amdgpu_drm.h>
#include <drm.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "blob/memfd.h"
#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/context/command_loop.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

/// GEM handles count from 101, GPU contexts from 301. Has one gfx ring and two compute rings.
struct KernelScript {
    // For tests to change.
    std::map<uint32_t, uint64_t> states;               // QUERY_STATE2's flags by GPU context
    std::map<uint32_t, int> fence_errors;              // WAIT_CS's errno by GPU context
    int submit_error = 0;                              // errno of CS
    int create_error = 0;                              // errno of GEM_CREATE
    int va_error = 0;                                  // errno of GEM_VA
    std::map<uint32_t, std::vector<std::byte>> infos;  // INFO's answers by query

    // Recorded calls.
    std::vector<drm_amdgpu_gem_create_in> created;
    std::map<uint32_t, drm_amdgpu_gem_create_in> buffers;  // open ones by handle
    std::vector<uint32_t> exported;                        // handles
    std::vector<drm_amdgpu_gem_va> mapped;                 // accepted GEM_VA
    std::vector<std::vector<uint32_t>> lists;              // handles of each CS's list
    std::vector<drm_amdgpu_wait_cs_in> asked;              // WAIT_CS
    std::vector<uint32_t> stable_states;                   // SET_STABLE_PSTATE
    uint32_t vmids_reserved = 0;
};

class ScriptedDevice final : public Device {
  public:
    explicit ScriptedDevice(KernelScript& script) : script_(script) {}

    int ioctl(unsigned long request, void* argument) override {
        switch (request) {
            case DRM_IOCTL_AMDGPU_INFO:
                return info(as<drm_amdgpu_info>(argument));
            case DRM_IOCTL_AMDGPU_GEM_CREATE:
                return create(as<drm_amdgpu_gem_create>(argument));
            case DRM_IOCTL_AMDGPU_GEM_VA:
                if (script_.va_error) return -script_.va_error;
                script_.mapped.push_back(as<drm_amdgpu_gem_va>(argument));
                return 0;
            case DRM_IOCTL_AMDGPU_CTX:
                return context(as<drm_amdgpu_ctx>(argument));
            case DRM_IOCTL_AMDGPU_VM:
                ++script_.vmids_reserved;
                return 0;
            case DRM_IOCTL_AMDGPU_CS:
                return submit(as<drm_amdgpu_cs>(argument));
            case DRM_IOCTL_AMDGPU_WAIT_CS: {
                const drm_amdgpu_wait_cs_in in = as<drm_amdgpu_wait_cs>(argument).in;
                script_.asked.push_back(in);
                const auto error = script_.fence_errors.find(in.ctx_id);
                as<drm_amdgpu_wait_cs>(argument) = {};
                return error == script_.fence_errors.end() ? 0 : -error->second;
            }
            case DRM_IOCTL_PRIME_HANDLE_TO_FD:
                return export_buffer(as<drm_prime_handle>(argument));
            case DRM_IOCTL_GEM_CLOSE:
                return script_.buffers.erase(as<drm_gem_close>(argument).handle) ? 0 : -EINVAL;
            case DRM_IOCTL_SYNCOBJ_CREATE:
                as<drm_syncobj_create>(argument).handle = next_syncobj_++;
                return 0;
            default:
                return 0;
        }
    }
    Result<MapSource> map_source(uint64_t) override { return fail(EINVAL, "nothing is mapped"); }
    Result<UniqueFd> merge_sync_files(int a, int) override { return UniqueFd::duplicate_of(a); }
    Result<SyncFileState> sync_file_state(int) override { return SyncFileState{}; }
    int fd() const override { return -1; }

  private:
    template <typename T>
    static T& as(void* argument) {
        return *static_cast<T*>(argument);
    }

    int info(const drm_amdgpu_info& arg) {
        const auto answer = [&](const void* bytes, size_t size) {
            std::memcpy(reinterpret_cast<void*>(arg.return_pointer), bytes,
                        std::min<size_t>(size, arg.return_size));
            return 0;
        };
        const auto scripted = script_.infos.find(arg.query);
        if (scripted != script_.infos.end())
            return answer(scripted->second.data(), scripted->second.size());
        if (arg.query != AMDGPU_INFO_HW_IP_INFO) return -EINVAL;
        drm_amdgpu_info_hw_ip ip{};
        if (arg.query_hw_ip.type == AMDGPU_HW_IP_GFX) ip.available_rings = 1;
        if (arg.query_hw_ip.type == AMDGPU_HW_IP_COMPUTE) ip.available_rings = 3;
        return answer(&ip, sizeof(ip));
    }
    int create(drm_amdgpu_gem_create& arg) {
        if (script_.create_error) return -script_.create_error;
        script_.created.push_back(arg.in);
        script_.buffers[next_gem_] = arg.in;
        arg.out.handle = next_gem_++;
        return 0;
    }
    int context(drm_amdgpu_ctx& arg) {
        const drm_amdgpu_ctx_in in = arg.in;
        arg = {};
        if (in.op == AMDGPU_CTX_OP_ALLOC_CTX) arg.out.alloc.ctx_id = next_context_++;
        if (in.op == AMDGPU_CTX_OP_QUERY_STATE2) arg.out.state.flags = script_.states[in.ctx_id];
        if (in.op == AMDGPU_CTX_OP_SET_STABLE_PSTATE) script_.stable_states.push_back(in.flags);
        if (in.op == AMDGPU_CTX_OP_GET_STABLE_PSTATE) arg.out.pstate.flags = 4;
        return 0;
    }
    int submit(const drm_amdgpu_cs& cs) {
        if (script_.submit_error) return -script_.submit_error;
        auto& handles = script_.lists.emplace_back();
        const auto* chunks = reinterpret_cast<const uint64_t*>(cs.in.chunks);
        for (uint32_t i = 0; i < cs.in.num_chunks; ++i) {
            const auto& chunk = *reinterpret_cast<const drm_amdgpu_cs_chunk*>(chunks[i]);
            if (chunk.chunk_id != AMDGPU_CHUNK_ID_BO_HANDLES) continue;
            const auto& list = *reinterpret_cast<const drm_amdgpu_bo_list_in*>(chunk.chunk_data);
            const auto* entries =
                reinterpret_cast<const drm_amdgpu_bo_list_entry*>(list.bo_info_ptr);
            for (uint32_t entry = 0; entry < list.bo_number; ++entry)
                handles.push_back(entries[entry].bo_handle);
        }
        return 0;
    }
    /// As amdgpu_gem_prime_export().
    int export_buffer(drm_prime_handle& arg) {
        const auto buffer = script_.buffers.find(arg.handle);
        if (buffer == script_.buffers.end()) return -ENOENT;
        if (buffer->second.domain_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID) return -EPERM;
        script_.exported.push_back(arg.handle);
        arg.fd = create_sealed_memfd("dma-buf", buffer->second.bo_size).value().release();
        return 0;
    }

    KernelScript& script_;
    uint32_t next_gem_ = 101, next_syncobj_ = 201, next_context_ = 301;
};

class AmdgpuContextTest : public ::testing::Test {
  protected:
    explicit AmdgpuContextTest(const ContextLimits& limits = ContextLimits()) {
        auto account = ContextAccount::attach({}, limits);
        context_ =
            create_context(std::make_unique<ScriptedDevice>(kernel_), *std::move(account)).value();
        loop_.emplace(*context_, abandoned_);
        control_ = transport::create_control_memory(kControlBytes, context_->traits().area_offset())
                       .value();
        EXPECT_TRUE(context_->adopt_control_buffer(control_));
        shmem_ = Mapping::map_shared(control_.get(), 0, kControlBytes).value();
    }

    /// The command's `ret` and the rest of its response.
    template <typename Response, typename Request>
    Response ask(w::Command command, Request request) {
        const uint32_t room = sizeof(Response);
        std::memcpy(response_area(), &room, sizeof(room));
        (void)run(command, request);
        Response response;
        std::memcpy(&response, response_area(), sizeof(response));
        return response;
    }
    template <typename Request>
    Status run(w::Command command, Request request) {
        request.hdr = {static_cast<uint32_t>(command), sizeof(request), 1, 0};
        return loop_->run(std::as_bytes(std::span(&request, 1)));
    }
    uint32_t create_gpu_context() {
        return ask<w::CreateCtxResponse>(w::Command::kCreateCtx, w::CreateCtxRequest{}).ctx_id;
    }
    Status gem_new(uint32_t blob_id, uint64_t size = 4096, uint32_t heap = AMDGPU_GEM_DOMAIN_GTT,
                   uint64_t flags = 0) {
        w::GemNewRequest request{};
        request.blob_id = blob_id;
        request.alloc_size = size;
        request.preferred_heap = heap;
        request.flags = flags;
        return run(w::Command::kGemNew, request);
    }
    /// Resource `id` of 4 KiB: GEM handle 101 is the first one's.
    void create_buffer(uint32_t id) {
        ASSERT_TRUE(gem_new(id));
        ASSERT_TRUE(context_->create_blob({ResourceId(id), kMappable, id, 4096}));
    }
    int32_t va_op(uint32_t op, uint64_t va, uint64_t size, uint32_t res_id, uint64_t flags = 0,
                  uint64_t flags2 = 0) {
        w::BoVaOpRequest request{};
        request.flags = flags;
        request.flags2 = flags2;
        request.va = va;
        request.vm_map_size = size;
        request.res_id = res_id;
        request.op = op;
        return ask<w::Response>(w::Command::kBoVaOp, request).ret;
    }
    int32_t submit(uint32_t ctx_id, std::vector<uint32_t> resources = {}) {
        struct {
            w::CsSubmitRequest head;
            w::ChunkDescriptor chunks[2];
            drm_amdgpu_cs_chunk_ib ib;
            w::BoListEntry entries[8];
        } request{};
        request.head.ctx_id = ctx_id;
        request.head.num_chunks = resources.empty() ? 1 : 2;
        request.head.ring_idx = 1;
        const uint32_t unused = resources.empty() ? sizeof(w::ChunkDescriptor) : 0;
        request.chunks[0] = {AMDGPU_CHUNK_ID_IB, sizeof(request.ib) / 4, unused};
        request.chunks[1] = {AMDGPU_CHUNK_ID_BO_HANDLES,
                             static_cast<uint16_t>(resources.size() * sizeof(w::BoListEntry) / 4),
                             sizeof(request.ib)};
        request.ib.ib_bytes = 8;
        for (size_t i = 0; i < resources.size(); ++i) request.entries[i].res_id = resources[i];
        request.head.hdr = {static_cast<uint32_t>(w::Command::kCsSubmit), sizeof(request), 1, 0};
        const uint32_t room = sizeof(w::Response);
        std::memcpy(response_area(), &room, sizeof(room));
        (void)loop_->run(std::as_bytes(std::span(&request, 1)));
        w::Response response;
        std::memcpy(&response, response_area(), sizeof(response));
        return response.ret;
    }
    w::Shmem shmem() const {
        w::Shmem value;
        std::memcpy(&value, shmem_.data(), sizeof(value));
        return value;
    }
    uint32_t async_error() const { return shmem().async_error; }
    account::ContextCounters& counters() { return context_->account().counters(); }
    std::byte* response_area() { return shmem_.data() + context_->traits().area_offset(); }

    static constexpr uint32_t kMappable = 1;
    static constexpr size_t kControlBytes = 0x4000;

    KernelScript kernel_;
    std::atomic<uint32_t> abandoned_ = 0;
    std::unique_ptr<DriverContext> context_;
    std::optional<CommandLoop> loop_;
    UniqueFd control_;
    Mapping shmem_;
};

}  // namespace viaduct::amdgpu
