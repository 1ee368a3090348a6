#include "drm-context/device/simulated_device.h"

#include <linux/sync_file.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "drm-context/device/busy_reader.h"
#include "drm-context/device/restarted_ioctl.h"
#include "simgpu/chips.h"
#include "simgpu/log.h"
#include "simgpu/simgpu.h"
#include "simgpu/sync/fence.h"
#include "simgpu/sync/reservation.h"

namespace viaduct {

namespace {

// Interruptions are injected: no call of the simulated GPU waits long for that reason.
constexpr RestartLimits kRestarts{.most = std::chrono::milliseconds(2000)};

class SimulatedDevice final : public Device {
  public:
    explicit SimulatedDevice(std::unique_ptr<simgpu::File> file) : file_(std::move(file)) {}

    int ioctl(unsigned long request, void* argument) override {
        return restarted([&] { return file_->ioctl(request, argument); }, kRestarts);
    }

    Result<MapSource> map_source(uint64_t mmap_offset) override {
        auto source = file_->map_source(mmap_offset);
        if (!source) return fail(source.error(), "nothing to map at offset {:#x}", mmap_offset);
        return MapSource{std::move(source->fd), source->offset};
    }

    Result<UniqueFd> merge_sync_files(int a, int b) override {
        auto merged = simgpu::merge_sync_files(a, b);
        if (!merged) return fail(merged.error(), "cannot merge sync files {} and {}", a, b);
        return *std::move(merged);
    }

    Result<SyncFileState> sync_file_state(int sync_file) override {
        sync_fence_info fence{};
        sync_file_info info{};
        info.num_fences = 1;  // of a simulated sync file, merged or not
        info.sync_fence_info = reinterpret_cast<uint64_t>(&fence);
        const int error = simgpu::drm::sync_file_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
        if (error < 0) return fail(-error, "{} is not a sync file (errno {})", sync_file, -error);
        return SyncFileState{info.status, static_cast<int64_t>(fence.timestamp_ns)};
    }

    Result<UniqueFd> unfinished_uses(int dmabuf) override {
        const auto memory = simgpu::drm::memory_of(dmabuf);
        if (!memory) return fail(EBADF, "{} is not an open dma-buf", dmabuf);
        const auto uses = simgpu::drm::Reservation::of_memory(*memory)->pending();
        UniqueFd file = simgpu::drm::Fence::all_of(uses)->export_sync_file();
        if (!file) return fail(EMFILE, "no descriptor left for the fences of dma-buf {}", dmabuf);
        return file;
    }

    BusyTimes busy_times() override { return busy_.read(file_->fdinfo(), monotonic_ns()); }

    int fd() const override { return file_->fd(); }

  private:
    std::unique_ptr<simgpu::File> file_;
    BusyReader busy_;
};

// Reports of the simulated GPU (hangs, faults) go where our own log goes.
void join_logs() {
    static const bool joined = [] {
        simgpu::set_log_sink(
            [](std::string_view line) { log_guest_line(LogLevel::kWarning, line); });
        return true;
    }();
    (void)joined;
}

}  // namespace

Result<std::unique_ptr<Device>> open_simulated_device(std::string_view model) {
    if (!simgpu::find_chip(simgpu::chips(), model))
        return fail(EINVAL, "unknown simulated GPU \"{}\"; use {}", model,
                    simgpu::chip_names(simgpu::chips()));
    join_logs();
    auto file = simgpu::File::open({.model = std::string(model), .instance = {}});
    if (!file) return fail(file.error(), "cannot open the simulated GPU {}", model);
    auto device = std::make_unique<SimulatedDevice>(*std::move(file));
    if (auto status = device->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(device));
}

void remove_leftovers_of_simulated_devices() {
    constexpr int kTries = 10;
    constexpr auto kBetween = std::chrono::milliseconds(10);
    for (int i = 0; i < kTries && !simgpu::remove_leftovers(); ++i)
        std::this_thread::sleep_for(kBetween);
}

}  // namespace viaduct
