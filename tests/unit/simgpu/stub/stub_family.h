// A second family of simulated GPUs: the least that one needs beside the driver-neutral part.
#pragma once

#include <memory>
#include <span>

#include "simgpu/chip.h"
#include "simgpu/drm/device_seat.h"
#include "simgpu/drm/open_file.h"
#include "simgpu/memory/address_space.h"
#include "simgpu/sched/context.h"
#include "simgpu/sched/rings.h"

namespace simgpu::stub {

std::span<const Chip> chips();

class StubFile final : public drm::OpenFile {
  public:
    explicit StubFile(drm::DeviceSeat seat);
    ~StubFile() override;

    std::string fdinfo() const override { return client_lines() + rings_.busy_lines(); }
    void flush(Flush kind) override;

    std::optional<uint64_t> capability(uint64_t) const override { return std::nullopt; }
    int may_map(const memory::Buffer&) const override { return 0; }
    int may_export(const memory::Buffer&) const override { return 0; }
    memory::Buffer::Record foreign_record() const override { return {}; }
    void handle_closed(const memory::BufferPtr& buffer) override { space_.remove_buffer(buffer); }

    memory::AddressSpace& space() { return space_; }
    const sched::ContextPtr& context() { return context_; }
    sched::Rings& rings() { return rings_; }

  private:
    memory::AddressSpace space_;
    const sched::ContextPtr context_ = std::make_shared<sched::Context>(1, 0, 1);
    sched::Rings rings_;
};

}  // namespace simgpu::stub
