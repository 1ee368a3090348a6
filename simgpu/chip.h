// Chip: what a family of simulated GPUs brings for each of its chips.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "simgpu/simgpu.h"

namespace simgpu {

/// How a chip shows on its (imagined) PCI bus.
struct PciIdentity {
    uint16_t vendor = 0;
    uint16_t device = 0;
    uint16_t subsystem_vendor = 0;
    uint16_t subsystem_device = 0;
    uint8_t revision = 0;
};

/// A row of the table of chips. Functions may be called from any thread.
struct Chip {
    std::string_view name;    // "renoir": $VIADUCT_SIMGPU, VIADUCT_GPU=sim:renoir
    const char* driver = "";  // the kernel's driver, as PCI and DRM name it
    PciIdentity pci;
    /// The kinds of its rings, as fdinfo names them: what an injection can choose.
    std::span<const std::string_view> ring_kinds;
    /// A new open file of device `instance` (as in OpenOptions). Error: positive errno, after a
    /// line in the log.
    tl::expected<std::unique_ptr<File>, int> (*open)(const Chip& chip,
                                                     const std::string& instance) = nullptr;
    /// After how many nanoseconds the device recovers from a job on its most patient ring.
    uint64_t (*longest_job_timeout_ns)() = nullptr;
    /// The driver's files below /sys/module: paths and contents. Null: none.
    std::vector<std::pair<std::string, std::string>> (*module_files)() = nullptr;
};

/// Null if no row has that name.
const Chip* find_chip(std::span<const Chip> table, std::string_view name);
/// "renoir, vega10 or tgl".
std::string chip_names(std::span<const Chip> table);
/// All kinds of rings, each once.
std::vector<std::string_view> ring_kinds(std::span<const Chip> table);
/// "a, b or c".
std::string alternatives(std::span<const std::string_view> names);

}  // namespace simgpu
