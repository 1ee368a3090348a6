#include "tests/unit/guest-mesa/layer/fake_host.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "wire/amdgpu_info.h"

namespace viaduct::guest::test {

namespace {

constexpr size_t kShmemBytes = 0xc000;  // as the layer asks for

template <typename T>
T& as(void* argument) {
    return *static_cast<T*>(argument);
}

template <typename T>
std::vector<T> array_at(uint64_t address, uint32_t count) {
    const auto* begin = reinterpret_cast<const T*>(static_cast<uintptr_t>(address));
    return count ? std::vector<T>(begin, begin + count) : std::vector<T>{};
}

}  // namespace

FakeHost::FakeHost() {
    capset.context_type = wire::ContextType::kAmdgpu;
    capset.version_major = 3;
    capset.version_minor = 57;
    wire::amdgpu::Capset amdgpu{};
    amdgpu.flags = 1;
    amdgpu.gpu_info.asic_id = 0x1636;
    capset.set_member(amdgpu);
    shmem_fd_.reset(::memfd_create("fake-shmem", MFD_CLOEXEC));
    if (::ftruncate(shmem_fd_.get(), kShmemBytes) == 0)
        shmem_ = Mapping(
            ::mmap(nullptr, kShmemBytes, PROT_READ | PROT_WRITE, MAP_SHARED, shmem_fd_.get(), 0),
            kShmemBytes);
    const uint32_t area = sizeof(wire::amdgpu::Shmem);
    std::memcpy(shmem_.data() + 4, &area, 4);
}

void FakeHost::show_finished_work() {
    const uint32_t area = finished_at_ + sizeof(wire::FinishedWork);
    std::memcpy(shmem_.data() + finished_at_, &wire::FinishedWork::kMark,
                sizeof(wire::FinishedWork::kMark));
    std::memcpy(shmem_.data() + offsetof(wire::ShmemHeader, rsp_mem_offset), &area, sizeof(area));
}

void FakeHost::offer_guest_ring() {
    std::memcpy(shmem_.data() + finished_at_, &wire::GuestRing::kMark,
                sizeof(wire::GuestRing::kMark));
    has_guest_ring_ = true;
    set_awake(true);
    finished_at_ += sizeof(wire::GuestRing);
    show_finished_work();
}

std::atomic_ref<uint32_t> FakeHost::ring_field(size_t offset) const {
    std::byte* const ring = shmem_.data() + sizeof(wire::amdgpu::Shmem);
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(ring + offset));
}

void FakeHost::set_awake(bool awake) {
    const auto field = ring_field(offsetof(wire::GuestRing, awake));
    if (awake != (field % 2 != 0)) ++field;
}

void FakeHost::give_ring_up() {
    ring_field(offsetof(wire::GuestRing, awake)) = wire::GuestRing::kGone;
}

void FakeHost::take_from_guest_ring() {
    const std::lock_guard lock(mutex_);
    if (!has_guest_ring_) return;
    const auto tail = ring_field(offsetof(wire::GuestRing, tail));
    const auto head = ring_field(offsetof(wire::GuestRing, head));
    const std::byte* const bytes = shmem_.data() + kShmemBytes - wire::GuestRing::kBytes;
    const auto byte_at = [&](uint32_t at) { return bytes[at % wire::GuestRing::kBytes]; };
    while (tail != head) {
        uint32_t size = 0, after = 0;
        std::memcpy(&size, &bytes[tail % wire::GuestRing::kBytes], sizeof(size));
        std::memcpy(&after, &bytes[(tail + 4) % wire::GuestRing::kBytes], sizeof(after));
        if (static_cast<int32_t>(taken_ - after) < 0) return;
        std::vector<std::byte> requests;
        for (uint32_t i = 0; i < size; ++i) requests.push_back(byte_at(tail + uint32_t{8} + i));
        Sent record;
        record.passed_by = true;
        record.after = after;
        run(requests.data(), requests.size(), record);
        sent.push_back(record);
        tail += (size + 15) / 8 * 8;
    }
}

void FakeHost::show_finished(uint32_t ring, uint32_t request) {
    auto* word = reinterpret_cast<uint32_t*>(shmem_.data() + finished_at_ +
                                             offsetof(wire::FinishedWork, requests));
    std::atomic_ref(word[ring]).store(request);
}

uint32_t FakeHost::looked_for(uint32_t ring) const {
    return shmem_word(static_cast<uint32_t>(
        finished_at_ + offsetof(wire::FinishedWork, looked_for) + ring * sizeof(uint32_t)));
}

uint32_t FakeHost::shmem_word(uint32_t offset) const {
    uint32_t word;
    std::memcpy(&word, shmem_.data() + offset, 4);
    return word;
}

void FakeHost::set_heap(size_t offset, uint64_t size, uint64_t usage) {
    const wire::amdgpu::HeapInfo heap{size, usage, size};
    std::memcpy(shmem_.data() + offset, &heap, sizeof(heap));
}

void FakeHost::add_async_error() {
    const uint32_t errors = shmem_word(8) + 1;
    std::memcpy(shmem_.data() + 8, &errors, 4);
}

void FakeHost::give_up() {
    const uint32_t seqno = shmem_word(0) + (1u << 30);
    std::memcpy(shmem_.data(), &seqno, 4);
    add_async_error();
    answers = false;
}

int FakeHost::memory_of(uint32_t handle) {
    if (handle == shmem_handle_) return shmem_fd_.get();
    UniqueFd& memory = buffers_[handle];
    if (!memory) {
        memory.reset(::memfd_create("fake-buffer", MFD_CLOEXEC));
        if (::ftruncate(memory.get(), kBufferBytes) != 0) memory.reset();
    }
    return memory.get();
}

Result<Mapping> FakeHost::map(int, uint64_t offset, size_t size) {
    const auto handle = static_cast<uint32_t>(offset >> 32);
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_of(handle), 0);
    if (address == MAP_FAILED) return fail(errno, "mmap");
    mapped.push_back(handle);
    return Mapping(address, size);
}

void FakeHost::write_buffer(uint32_t handle, size_t offset, uint64_t value) {
    EXPECT_EQ(::pwrite(memory_of(handle), &value, sizeof(value), static_cast<off_t>(offset)),
              ssize_t{sizeof(value)});
}

int FakeHost::wait_readable(int fd, std::chrono::milliseconds) {
    uint64_t value = 0;
    return ::read(fd, &value, sizeof(value)) == sizeof(value) ? 1 : 0;
}

int FakeHost::version(drm_version& arg) const {
    if (arg.name) std::memcpy(arg.name, node_name.data(), std::min(arg.name_len, node_name.size()));
    arg.name_len = node_name.size();
    return 0;
}

void FakeHost::respond(const wire::RequestHeader& header, const void* response, uint32_t size) {
    std::byte* at = shmem_.data() + shmem_word(4) + header.rsp_off;
    uint32_t room = 0;
    std::memcpy(&room, at, 4);
    const uint32_t length = std::min(room, size);
    std::memcpy(at, response, length);
    std::memcpy(at, &length, 4);
}

void FakeHost::execute(const Received& request) {
    namespace amd = wire::amdgpu;
    const auto command = static_cast<amd::Command>(request.header.cmd);
    const auto result = results.find(request.header.cmd);
    const int ret = result == results.end() ? 0 : result->second;
    if (command == amd::Command::kGemNew) {
        const auto size = request.as<amd::GemNewRequest>().alloc_size;
        last_new_failed_ = unknown_resources_from_size.count(static_cast<uint32_t>(size / 1024));
        if (last_new_failed_) add_async_error();
        if (!answers_creations || request.header.rsp_off == 0) return;
        const wire::CreationResponse answer{{},
                                            std::exchange(last_new_failed_, false) ? -ENOMEM : ret};
        return respond(request.header, &answer, sizeof(answer));
    }
    if (command == amd::Command::kQueryInfo) {
        const auto query = request.as<amd::QueryInfoRequest>();
        std::vector<std::byte> answer(sizeof(amd::Response) + query.return_size, info_filler);
        const bool unknown = query.query == amd::kInfoMaxIbs && max_ibs == 0;
        const int32_t answered = unknown ? -EINVAL : ret;
        std::memcpy(answer.data() + 4, &answered, 4);
        if (query.query == amd::kInfoMaxIbs)
            for (size_t at = sizeof(amd::Response); at + 4 <= answer.size(); at += 4)
                std::memcpy(answer.data() + at, &max_ibs, 4);
        drm_amdgpu_info_hw_ip ip{};
        // Two graphics rings' worth of numbering: one gfx, four compute, two DMA.
        constexpr uint32_t kRings[] = {1, 0xf, 3};
        if (query.query == AMDGPU_INFO_HW_IP_INFO && query.args[0] < 3)
            ip.available_rings = kRings[query.args[0]];
        if (query.query == AMDGPU_INFO_HW_IP_INFO)
            std::memcpy(answer.data() + sizeof(amd::Response), &ip,
                        std::min<size_t>(query.return_size, sizeof(ip)));
        return respond(request.header, answer.data(), static_cast<uint32_t>(answer.size()));
    }
    if (command == amd::Command::kCreateCtx) {
        amd::CreateCtxResponse answer{};
        answer.base.ret = ret;
        const bool destroys = request.as<amd::CreateCtxRequest>().flags & amd::kCreateCtxDestroy;
        answer.ctx_id = destroys ? 0 : next_context++;
        return respond(request.header, &answer, sizeof(answer));
    }
    if (command == amd::Command::kSetPstate) {
        const auto wanted = request.as<amd::SetPstateRequest>();
        amd::SetPstateResponse answer{{{}, ret}, 0, 0};
        if (wanted.op == AMDGPU_CTX_OP_QUERY_STATE2 && ret == 0)
            answer.out_flags = states[wanted.ctx_id];
        return respond(request.header, &answer, sizeof(answer));
    }
    if (command == amd::Command::kBoQueryInfo) {
        amd::BoQueryInfoResponse answer = facts;
        answer.base.ret =
            missing_.count(request.as<amd::BoQueryInfoRequest>().res_id) ? -EINVAL : ret;
        return respond(request.header, &answer, sizeof(answer));
    }
    const amd::Response answer{{}, ret};
    respond(request.header, &answer, sizeof(answer));
}

void FakeHost::run(const std::byte* command, size_t size, Sent& record) {
    for (size_t at = 0; at + sizeof(wire::RequestHeader) <= size;) {
        Received request;
        std::memcpy(&request.header, command + at, sizeof(request.header));
        request.bytes.assign(command + at, command + at + request.header.len);
        at += request.header.len;
        record.commands.push_back(request.header.cmd);
        requests.push_back(request);
        taken_ = request.header.seqno;
        if (!answers) continue;
        execute(request);
        if (publishes) std::memcpy(shmem_.data(), &request.header.seqno, 4);
    }
}

int FakeHost::create_blob(virtgpu::ResourceCreateBlob& arg) {
    take_from_guest_ring();
    blobs.push_back(arg);
    if (!blob_failures.empty()) return refuse_blob(arg);
    arg.bo_handle = next_handle_++;
    if (arg.blob_id == 0 && shmem_handle_ == 0) shmem_handle_ = arg.bo_handle;
    arg.res_handle = next_resource_++;
    resources_[arg.bo_handle] = arg.res_handle;
    Sent record;
    record.is_blob = true;
    run(reinterpret_cast<const std::byte*>(static_cast<uintptr_t>(arg.cmd)), arg.cmd_size, record);
    if (std::exchange(last_new_failed_, false)) missing_.insert(arg.res_handle);
    if (has_guest_ring_ && counts_blobs) ring_field(offsetof(wire::GuestRing, blobs)) += 1;
    sent.push_back(record);
    return 0;
}

int FakeHost::refuse_blob(const virtgpu::ResourceCreateBlob& arg) {
    const BlobFailure failure = blob_failures.back();
    blob_failures.pop_back();
    Sent record;
    if (failure.sends_commands)
        run(reinterpret_cast<const std::byte*>(static_cast<uintptr_t>(arg.cmd)), arg.cmd_size,
            record);
    return failure.error;
}

int FakeHost::execbuffer(virtgpu::Execbuffer& arg) {
    if (exec_error) return std::exchange(exec_error, 0);
    take_from_guest_ring();
    Sent record;
    record.ring = arg.ring_idx;
    record.in = array_at<virtgpu::ExecbufferSyncobj>(arg.in_syncobjs, arg.num_in_syncobjs);
    record.out = array_at<virtgpu::ExecbufferSyncobj>(arg.out_syncobjs, arg.num_out_syncobjs);
    record.bo_handles = array_at<uint32_t>(arg.bo_handles, arg.num_bo_handles);
    run(reinterpret_cast<const std::byte*>(static_cast<uintptr_t>(arg.command)), arg.size, record);
    for (const auto& out : record.out) syncobjs_[out.handle].available = out.point;
    sent.push_back(record);
    if (arg.flags & virtgpu::kExecbufFenceFdOut)
        arg.fence_fd = ::eventfd(answers ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
    return 0;
}

int FakeHost::syncobj_wait(drm_syncobj_timeline_wait& arg) {
    on_wait();
    const auto handles = array_at<uint32_t>(arg.handles, arg.count_handles);
    const auto points = array_at<uint64_t>(arg.points, arg.count_handles);
    uint32_t done = 0;
    for (uint32_t i = 0; i < arg.count_handles; ++i) {
        if (!syncobjs_.count(handles[i])) return -ENOENT;
        const bool may_come = arg.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
        if (misses_fences && syncobjs_[handles[i]].available < points[i] && !may_come)
            return -EINVAL;
        if (syncobjs_[handles[i]].reached < points[i]) continue;
        if (done++ == 0) arg.first_signaled = i;
    }
    const bool all = arg.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
    return done == arg.count_handles || (done && !all) ? 0 : -ETIME;
}

void FakeHost::finish_gpu_work() {
    const std::lock_guard lock(mutex_);
    for (auto& [handle, syncobj] : syncobjs_) syncobj.reached = syncobj.available;
}

int FakeHost::generic(unsigned long request, void* argument) {
    switch (request) {
        case DRM_IOCTL_VERSION:
            return version(as<drm_version>(argument));
        case DRM_IOCTL_GET_CAP:
            as<drm_get_cap>(argument).value = cap_value;
            return 0;
        case DRM_IOCTL_SYNCOBJ_CREATE:
            as<drm_syncobj_create>(argument).handle = next_syncobj_++;
            syncobjs_[next_syncobj_ - 1].signalled =
                as<drm_syncobj_create>(argument).flags & DRM_SYNCOBJ_CREATE_SIGNALED;
            return 0;
        case DRM_IOCTL_SYNCOBJ_DESTROY:
            return syncobjs_.erase(as<drm_syncobj_destroy>(argument).handle) ? 0 : -EINVAL;
        case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
            return syncobj_wait(as<drm_syncobj_timeline_wait>(argument));
        case DRM_IOCTL_SYNCOBJ_QUERY: {
            auto& query = as<drm_syncobj_timeline_array>(argument);
            const uint32_t handle = array_at<uint32_t>(query.handles, 1)[0];
            if (!syncobjs_.count(handle)) return -ENOENT;
            *reinterpret_cast<uint64_t*>(static_cast<uintptr_t>(query.points)) =
                syncobjs_[handle].reached;
            return 0;
        }
        case DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL: {
            const auto& signal = as<drm_syncobj_timeline_array>(argument);
            auto& syncobj = syncobjs_[array_at<uint32_t>(signal.handles, 1)[0]];
            syncobj.reached = syncobj.available = array_at<uint64_t>(signal.points, 1)[0];
            passed.push_back(request);
            return 0;
        }
        case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
            exports.push_back(as<drm_syncobj_handle>(argument));
            as<drm_syncobj_handle>(argument).fd = kExportedFd;
            return 0;
        case DRM_IOCTL_SYNCOBJ_TRANSFER:
            transfers.push_back(as<drm_syncobj_transfer>(argument));
            return 0;
        case DRM_IOCTL_PRIME_FD_TO_HANDLE:
            as<drm_prime_handle>(argument).handle = next_handle_;
            imported_.insert(next_handle_);
            resources_[next_handle_++] = next_resource_++;
            return 0;
        case DRM_IOCTL_MODE_ADDFB2:
            framebuffers.push_back(as<drm_mode_fb_cmd2>(argument));
            as<drm_mode_fb_cmd2>(argument).fb_id = static_cast<uint32_t>(framebuffers.size());
            return 0;
        case DRM_IOCTL_GEM_CLOSE:
            closed.push_back(as<drm_gem_close>(argument).handle);
            [[fallthrough]];
        default:
            passed.push_back(request);
            return 0;
    }
}

// The script's own calls may come back here, and take the layer's locks.
int FakeHost::ioctl(int, unsigned long request, void* argument) {
    if (request == kVirtgpuExecbuffer) on_exec();
    if (request == DRM_IOCTL_SYNCOBJ_TRANSFER) on_transfer();
    const int result = answer(request, argument);
    if (request == kVirtgpuCreateBlob)
        if (const auto called = on_blob) called();
    return result;
}

int FakeHost::answer(unsigned long request, void* argument) {
    const std::lock_guard lock(mutex_);
    switch (request) {
        case kVirtgpuGetCaps: {
            auto& caps = as<virtgpu::GetCaps>(argument);
            std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(caps.addr)), &capset,
                        std::min<size_t>(caps.size, sizeof(capset)));
            return caps.cap_set_id == wire::kCapsetDrm ? 0 : -EINVAL;
        }
        case virtgpu::request<virtgpu::GetParam>(virtgpu::Ioctl::kGetParam): {
            const auto& get = as<virtgpu::GetParam>(argument);
            uint32_t value = missing_params.count(virtgpu::Param{get.param}) ? 0 : 1;
            if (virtgpu::Param{get.param} == virtgpu::Param::kBlobAlignment) {
                value = blob_alignment;
                if (value == 0) return -EINVAL;
            }
            std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(get.value)), &value, 4);
            return 0;
        }
        case kVirtgpuContextInit:
            if (context_initialised) return -EEXIST;
            context_initialised = true;
            std::memset(shmem_.data(), 0, sizeof(uint32_t));  // no sequence number yet
            return 0;
        case kVirtgpuCreateBlob:
            return create_blob(as<virtgpu::ResourceCreateBlob>(argument));
        case kVirtgpuExecbuffer:
            return execbuffer(as<virtgpu::Execbuffer>(argument));
        case kVirtgpuMap:
            as<virtgpu::Map>(argument).offset = uint64_t{as<virtgpu::Map>(argument).handle} << 32;
            return 0;
        case kVirtgpuResourceInfo: {
            auto& info = as<virtgpu::ResourceInfo>(argument);
            const auto resource = resources_.find(info.bo_handle);
            if (resource == resources_.end()) return -ENOENT;
            info.res_handle = resource->second;
            info.blob_mem = static_cast<uint32_t>(
                imported_.contains(info.bo_handle) ? imported_mem : virtgpu::BlobMem::kHost3d);
            return 0;
        }
        case kVirtgpuWait:
            return node_busy ? -EBUSY : 0;
        default:
            return generic(request, argument);
    }
}

std::vector<Received> FakeHost::received(wire::amdgpu::Command command) const {
    std::vector<Received> found;
    std::copy_if(
        requests.begin(), requests.end(), std::back_inserter(found),
        [&](const Received& each) { return each.header.cmd == static_cast<uint32_t>(command); });
    return found;
}

}  // namespace viaduct::guest::test
