#include "tests/integration/abi/vmm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "wire/capset.h"
#include "wire/ccmd.h"

namespace viaduct::test {

using namespace std::chrono_literals;

namespace {

// A buffer with work: the commands, on its second page what they write, and what they wait for.
constexpr uint64_t kWorkSize = 8192;
constexpr uint64_t kResultAt = 4096;
constexpr uint64_t kReleaseAt = 4104;

size_t entries_of(const char* directory) {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory))
        ++count;
    return count;
}

}  // namespace

Vmm::Vmm(std::chrono::milliseconds hang) : Vmm(Unstarted(), hang) {
    virgl_renderer_callbacks table{};
    table.version = 3;
    table.write_fence = write_fence;
    table.write_context_fence = write_context_fence;
    EXPECT_EQ(start(kFlags, table), 0);
    ends_library_ = true;
}

Vmm::Vmm(Unstarted, std::chrono::milliseconds hang) {
    ::setenv("VIADUCT_GPU", "sim:renoir", /*overwrite=*/0);
    ::setenv("VIADUCT_SIMGPU_HANG_MS", std::to_string(hang.count()).c_str(), /*overwrite=*/1);
    ::setenv("VIADUCT_SIMGPU_INJECT",
             "slow:client=slow:ms=300,slow:client=load:ms=5,hang:client=hang:recovery=soft,"
             "hang:client=stall:nth=1:recovery=soft,fault:client=fault,"
             "oom:client=poor:bytes=1M",
             /*overwrite=*/1);
    virgl_set_log_callback([](virgl_log_level_flags, const char* text,
                              void* user) { static_cast<Vmm*>(user)->add_to_log(text); },
                           this,
                           [](void* user) { static_cast<Vmm*>(user)->is_logged_to_ = false; });
}

int Vmm::start(int flags, const virgl_renderer_callbacks& table) {
    callbacks_ = table;
    return virgl_renderer_init(this, flags, &callbacks_);
}

void Vmm::add_to_log(const char* text) {
    const std::lock_guard lock(mutex_);
    log_ += text;
}

bool Vmm::returns_to(const ProcessUse& before) {
    return eventually([&] { return ProcessUse::now().within(before); });
}

Vmm::~Vmm() {
    if (ends_library_) virgl_renderer_cleanup(this);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    EXPECT_TRUE(eventually([&] { return !is_logged_to_; }));
    if (testing::Test::HasFailure() && !log_.empty()) std::cerr << "the library's log:\n" << log_;
}

int Vmm::create_context(uint32_t ctx_id, const std::string& name) {
    return virgl_renderer_context_create_with_flags(
        ctx_id, wire::kCapsetDrm, static_cast<uint32_t>(name.size()), name.c_str());
}

void Vmm::destroy_context(uint32_t ctx_id) {
    virgl_renderer_context_destroy(ctx_id);
}

int Vmm::create_blob(const virgl_renderer_resource_create_blob_args& args) {
    return virgl_renderer_resource_create_blob(&args);
}

void Vmm::unref(uint32_t res_id) {
    virgl_renderer_resource_unref(res_id);
}

void Vmm::attach(uint32_t ctx_id, uint32_t res_id) {
    virgl_renderer_ctx_attach_resource(static_cast<int>(ctx_id), static_cast<int>(res_id));
}

int Vmm::submit(uint32_t ctx_id, std::span<const std::byte> bytes) {
    std::vector<uint32_t> words((bytes.size() + 3) / 4);
    std::memcpy(words.data(), bytes.data(), bytes.size());
    return virgl_renderer_submit_cmd(words.data(), static_cast<int>(ctx_id),
                                     static_cast<int>(words.size()));
}

int Vmm::create_fence(uint32_t ctx_id, uint32_t flags, uint32_t ring, uint64_t fence_id) {
    return virgl_renderer_context_create_fence(ctx_id, flags, ring, fence_id);
}

void Vmm::write_context_fence(void* cookie, uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) {
    static_cast<Vmm*>(cookie)->context_fence(ctx_id, ring_idx, fence_id);
}

void Vmm::write_fence(void* cookie, uint32_t fence_id) {
    static_cast<Vmm*>(cookie)->global_fence(fence_id);
}

void Vmm::context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) {
    const std::lock_guard lock(mutex_);
    reported_[{ctx_id, ring_idx}].push_back(fence_id);
    changed_.notify_all();
}

size_t Vmm::times_reported(uint64_t fence_id) {
    const std::lock_guard lock(mutex_);
    size_t times = 0;
    for (const auto& [ring, ids] : reported_)
        times += static_cast<size_t>(std::count(ids.begin(), ids.end(), fence_id));
    return times;
}

bool Vmm::wait_fence(uint64_t fence_id) {
    return eventually([&] { return times_reported(fence_id) > 0; });
}

std::vector<uint64_t> Vmm::reported(uint32_t ctx_id, uint32_t ring_idx) {
    const std::lock_guard lock(mutex_);
    return reported_[{ctx_id, ring_idx}];
}

std::string Vmm::log_text() {
    const std::lock_guard lock(mutex_);
    return log_;
}

bool Vmm::wait_log(const std::string& text) {
    return eventually([&] { return log_text().find(text) != std::string::npos; });
}

size_t Vmm::losses_of(uint32_t ctx_id) {
    const std::string words = "context " + std::to_string(ctx_id) + " is lost:";
    const std::string text = log_text();
    size_t losses = 0;
    for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
        ++losses;
    return losses;
}

Commands& Commands::add(Message message, wire::RequestHeader header) {
    header.cmd = message.cmd;
    header.len = static_cast<uint32_t>(message.bytes.size());
    std::memcpy(message.bytes.data(), &header, sizeof(header));
    return add_bytes(message.bytes);
}

GuestContext::GuestContext(Vmm& vmm, uint32_t ctx_id, Control control, const std::string& name,
                           Refusal refusal)
    : vmm_(vmm),
      ctx_id_(ctx_id),
      losses_before_(vmm.losses_of(ctx_id)),
      driver_(GuestDriver::create(*this)),
      exists_(vmm.create_context(ctx_id, name) == 0) {
    EXPECT_TRUE(exists_ || refusal == Refusal::kMayBe) << vmm.log_text();
    if (control == Control::kCreate) create_control();
}

bool GuestContext::create_control(uint64_t size, Refusal refusal) {
    control_res_ = vmm_.next_res_id();
    const int error = create_blob(control_res_, 0, size);
    EXPECT_TRUE(error == 0 || refusal == Refusal::kMayBe) << error << '\n' << vmm_.log_text();
    if (error != 0) return false;
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(control_res_, &type, &fd), 0);
    EXPECT_EQ(type, uint32_t{VIRGL_RENDERER_BLOB_FD_TYPE_SHM});
    const UniqueFd owned(fd);
    control_ = Mapping::map_shared(fd, 0, size).value();
    std::memcpy(&area_offset_, control_.data() + offsetof(wire::ShmemHeader, rsp_mem_offset),
                sizeof(area_offset_));
    vmm_.attach(ctx_id_, control_res_);
    return true;
}

GuestContext::~GuestContext() {
    vmm_.destroy_context(ctx_id_);
    if (control_res_) vmm_.unref(control_res_);
}

int GuestContext::submit(std::span<const std::byte> bytes) {
    return vmm_.submit(ctx_id_, bytes);
}

wire::RequestHeader GuestContext::send_bytes(uint32_t cmd, std::span<std::byte> request,
                                             uint32_t reserve) {
    const uint32_t room = (reserve + 7) / 8 * 8;
    if (next_rsp_ + room > area().size()) next_rsp_ = 0;
    const wire::RequestHeader header{cmd, static_cast<uint32_t>(request.size()), next_seqno(),
                                     room ? next_rsp_ : 0};
    std::memcpy(request.data(), &header, sizeof(header));
    if (room) {
        std::memset(area().data() + next_rsp_, 0, room);
        std::memcpy(area().data() + next_rsp_, &room, sizeof(room));
    }
    EXPECT_EQ(submit(request), 0);
    next_rsp_ += room;
    return header;
}

std::vector<std::byte> GuestContext::call_bytes(uint32_t cmd, std::span<std::byte> request,
                                                uint32_t reserve) {
    const auto header = send_bytes(cmd, request, reserve);
    EXPECT_TRUE(wait_seqno(header.seqno)) << "command " << cmd << " was never answered";
    const auto answer = area().subspan(header.rsp_off, (reserve + 7) / 8 * 8);
    return {answer.begin(), answer.end()};
}

uint32_t GuestContext::published_seqno() const {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(control_.data())).load();
}

bool GuestContext::wait_seqno(uint32_t seqno) {
    return eventually([&] { return static_cast<int32_t>(published_seqno() - seqno) >= 0; });
}

int GuestContext::ask(Message message) {
    const uint32_t at = message.ret;
    const auto answer = call(std::move(message));
    int32_t ret = 0;
    if (at != 0) std::memcpy(&ret, answer.data() + at, sizeof(ret));
    return ret < 0 ? -ret : ret;
}

bool GuestContext::settle() {
    // The fence tells when, as garbage may have published any sequence number.
    const Message probe = driver_->probe();
    const auto header = send(probe);
    if (!fence_retires(0, Fate::kAny)) return false;
    int32_t ret = 0;
    std::memcpy(&ret, area().data() + header.rsp_off + probe.ret, sizeof(ret));
    return published_seqno() == header.seqno && ret != 0;
}

uint64_t GuestContext::loss_field() const {
    std::byte* const field = control_.data() + facts().loss_at;
    if (facts().loss_bytes == sizeof(uint32_t))
        return std::atomic_ref(*reinterpret_cast<uint32_t*>(field)).load();
    return std::atomic_ref(*reinterpret_cast<uint64_t*>(field)).load();
}

// A worker that is slow to answer is not waited for, and its error comes with a later call.
int GuestContext::create_blob(uint32_t res_id, uint64_t blob_id, uint64_t size,
                              uint32_t blob_flags) {
    if (const int error = begin_blob(res_id, blob_id, size, blob_flags)) return error;
    uint32_t info = 0;
    const int error = virgl_renderer_resource_get_map_info(res_id, &info);
    if (error == 0 || !(blob_flags & VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE)) return 0;
    vmm_.unref(res_id);
    return error;
}

int GuestContext::begin_blob(uint32_t res_id, uint64_t blob_id, uint64_t size,
                             uint32_t blob_flags) {
    virgl_renderer_resource_create_blob_args args{};
    args.res_handle = res_id;
    args.ctx_id = ctx_id_;
    args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
    args.blob_flags = blob_flags;
    args.blob_id = blob_id;
    args.size = size;
    return vmm_.create_blob(args);
}

uint32_t GuestContext::create_buffer(uint64_t size, uint32_t blob_flags) {
    const uint64_t blob_id = next_blob_id();
    make_buffer(blob_id, size);
    return claim_buffer(blob_id, size, blob_flags);
}

uint32_t GuestContext::claim_buffer(uint64_t blob_id, uint64_t size, uint32_t blob_flags) {
    const uint32_t res_id = vmm_.next_res_id();
    if (create_blob(res_id, blob_id, size, blob_flags) != 0) return 0;
    vmm_.attach(ctx_id_, res_id);
    return res_id;
}

uint32_t GuestContext::submit_batch(const GpuContext& context, const Words& batch, uint64_t va) {
    const uint32_t res_id = create_buffer(kWorkSize);
    const MappedResource memory(res_id);
    if (!memory.valid() || map(res_id, va, kWorkSize) != 0) return 0;
    const Words words = driver_->finish(batch);
    const auto bytes = static_cast<uint32_t>(words.size() * sizeof(uint32_t));
    std::memcpy(memory.words(), words.data(), bytes);
    return ask(driver_->submission(context, va, bytes, std::span(&res_id, 1))) == 0 ? res_id : 0;
}

uint32_t GuestContext::submit_write(const GpuContext& context, uint32_t value, uint64_t va) {
    return submit_batch(context, driver_->write_value(va + kResultAt, value), va);
}

uint32_t GuestContext::submit_held_write(const GpuContext& context, uint32_t value, uint64_t va) {
    Words batch = driver_->wait_for_one(va + kReleaseAt);
    for (const uint32_t word : driver_->write_value(va + kResultAt, value)) batch.push_back(word);
    return submit_batch(context, batch, va);
}

uint32_t GuestContext::create_batch(uint64_t va) {
    const uint32_t res_id = create_buffer(4096);
    const MappedResource memory(res_id);
    if (!memory.valid() || map(res_id, va, 4096) != 0) return 0;
    Words words = driver_->finish({});
    words.resize(kBatchBytes / sizeof(uint32_t), words.back());
    std::memcpy(memory.words(), words.data(), kBatchBytes);
    return res_id;
}

void release_work(uint32_t res_id) {
    release_work(MappedResource(res_id));
}

void release_work(const MappedResource& memory) {
    ASSERT_TRUE(memory.valid());
    release_work({reinterpret_cast<std::byte*>(memory.words()), memory.size()});
}

void release_work(std::span<std::byte> memory) {
    ASSERT_GT(memory.size(), kReleaseAt);
    std::atomic_ref(*reinterpret_cast<uint32_t*>(&memory[kReleaseAt])).store(1);
}

int GuestContext::create_fence(uint32_t ring, uint64_t fence_id, uint32_t flags) {
    return vmm_.create_fence(ctx_id_, flags, ring, fence_id);
}

bool GuestContext::fence_retires(uint32_t ring, Fate fate) {
    const uint64_t id = vmm_.next_fence_id();
    if (create_fence(ring, id) != 0 || !vmm_.wait_fence(id)) return false;
    return fate == Fate::kAny || vmm_.losses_of(ctx_id_) == losses_before_;
}

MappedResource::MappedResource(uint32_t res_id) : res_id_(res_id) {
    if (virgl_renderer_resource_map(res_id, &data_, &size_) != 0) data_ = nullptr;
}

MappedResource::~MappedResource() {
    if (data_) virgl_renderer_resource_unmap(res_id_);
}

ProcessUse ProcessUse::now() {
    std::ifstream maps("/proc/self/maps");
    size_t mappings = 0;
    // Only what our memory shows as: the allocator's own mappings come and go.
    for (std::string line; std::getline(maps, line);)
        mappings += line.find("memfd:") != std::string::npos;
    return {entries_of("/proc/self/fd"), mappings, entries_of("/proc/self/task")};
}

void PrintTo(const ProcessUse& use, std::ostream* out) {
    *out << use.descriptors << " descriptors, " << use.mappings << " mappings, " << use.threads
         << " threads";
}

}  // namespace viaduct::test
