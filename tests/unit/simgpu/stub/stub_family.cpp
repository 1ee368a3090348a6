#include "tests/unit/simgpu/stub/stub_family.h"

#include <array>
#include <cerrno>
#include <chrono>

#include "simgpu/engine/packet_engine.h"
#include "simgpu/sched/job_timeout.h"
#include "tests/unit/simgpu/stub/stub_uapi.h"

namespace simgpu::stub {

namespace {

constexpr uint64_t kVram = 64ull << 20, kSystemMemory = 256ull << 20;
constexpr memory::AddressLayout kLayout{
    .lowest = 4096, .highest = 1ull << 40, .mask = (1ull << 40) - 1};
constexpr std::array<std::string_view, 1> kRingKinds = {"render"};

class StubEngine final : public PacketEngine {
  public:
    StubEngine() : PacketEngine(1) {}

  private:
    bool run_packet(PacketRun& run) override {
        if (packet()[0] != kStore) return run.job.hang("no such packet");
        if (!fetch_rest(run, 3, [] { return "STORE"; })) return false;
        count_packet(0);
        const PacketDwords words{packet()};
        return run.job.store32(words.va32(1), words[3]);
    }
    std::string kind_name(size_t) const override { return "STORE"; }
};

sched::RingDescription describe_ring() {
    const uint64_t timeout_ns = sched::job_timeout_ns();
    return {.kind = kRingKinds[0],
            .number = 0,
            .index = 0,
            .timeout_ns = timeout_ns,
            .full_reset_ns = timeout_ns / 10,
            .create_engine = [] { return std::make_unique<StubEngine>(); },
            .recovery_from = [](const JobOutcome&) { return shared::Recovery::kRing; }};
}

int create(StubFile& file, void* argument) {
    auto& args = *static_cast<Create*>(argument);
    if (args.size == 0 || args.size % memory::kGpuPage != 0 || args.size > kVram) return -EINVAL;
    memory::Buffer::Request request;
    request.size = args.size;
    request.wishes.push_back({.size = args.size, .vram = true, .system = true});
    const auto buffer = memory::Buffer::create(file.shared_device(), request);
    if (!buffer) return buffer.error();
    args.handle = file.buffers().add(*buffer);
    args.mmap_offset = file.buffers().mmap_offset(args.handle);
    return 0;
}

int bind(StubFile& file, void* argument) {
    const auto& args = *static_cast<const Bind*>(argument);
    const memory::BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    if (args.va >= kLayout.highest) return -EINVAL;
    return file.space().map(
        {args.va, args.va + buffer->size(), buffer, 0, memory::kVaRead | memory::kVaWrite});
}

int submit(StubFile& file, void* argument) {
    const auto& args = *static_cast<const Submit*>(argument);
    if (!file.syncobjs().contains(args.syncobj)) return -ENOENT;
    if (const int error = file.space().update()) return error;
    const sched::ContextPtr& context = file.context();
    auto job = std::make_shared<sched::Job>();
    job->client = file.client();
    job->context = context;
    job->entity = &context->entity(0);
    job->page_table = file.space().snapshot();
    job->ibs.push_back({args.va, args.bytes, 0});
    job->vram_losses = file.device().vram_loss_count();
    const std::lock_guard lock(context->submission_mutex());
    job->sequence = job->entity->add(job->fences);
    file.syncobjs().attach_fence(args.syncobj, 0, job->fences.finished);
    file.rings().choose(*job->entity, 0, 1).submit(job);
    return 0;
}

constexpr std::array kIoctls = {
    drm::IoctlEntry{kIoctlCreate, "STUB_CREATE", drm::on<create>},
    drm::IoctlEntry{kIoctlBind, "STUB_BIND", drm::on<bind>},
    drm::IoctlEntry{kIoctlSubmit, "STUB_SUBMIT", drm::on<submit>},
};
constexpr std::array kInterruptible = {kIoctlSubmit};

int minor() {
    return 2;
}

constexpr drm::Driver kDriver{
    .name = "stubgpu",
    .date = "20240101",
    .description = "Stub GPU",
    .major = 1,
    .minor = minor,
    .ioctls = kIoctls,
    .interruptible = kInterruptible,
    .submission = kIoctlSubmit,
};

tl::expected<std::unique_ptr<File>, int> open(const Chip& chip, const std::string& instance) {
    auto seat = drm::take_seat(chip.name, instance, {kVram, kSystemMemory, 0, kVram});
    if (!seat) return tl::unexpected(seat.error());
    return std::make_unique<StubFile>(std::move(*seat));
}

constexpr Chip kChips[] = {{
    .name = "stub",
    .driver = "stubgpu",
    .pci = {kVendor, kDevice, kVendor, kDevice, 7},
    .ring_kinds = kRingKinds,
    .open = open,
    .longest_job_timeout_ns = sched::job_timeout_ns,
}};

}  // namespace

std::span<const Chip> chips() {
    return kChips;
}

StubFile::StubFile(drm::DeviceSeat seat)
    : OpenFile(kDriver, std::move(seat.device), std::move(seat.stand_in)),
      space_(kLayout, shared_device()),
      rings_({describe_ring()}, shared_device()) {}

StubFile::~StubFile() {
    flush(Flush::kClose);
    rings_.close();
}

void StubFile::flush(Flush) {
    rings_.wait_handed_over(sched::Ring::Clock::time_point::max());
    rings_.wait_finished(sched::Ring::Clock::now() + std::chrono::seconds(1));
}

}  // namespace simgpu::stub
