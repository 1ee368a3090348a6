// A resource of the emulated device: what the guest's kernel and the machine monitor know of it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "tests/loopback/server/fence_timelines.h"
#include "tests/loopback/server/map_observer.h"

namespace viaduct::loopback {

/// fstat's device and inode: the identity of a dma-buf or memfd in all processes.
using FileIdentity = std::pair<uint64_t, uint64_t>;

enum class MapState { kNone, kLibrary, kWindow, kFailed };

struct Resource {
    uint32_t id = 0;
    uint32_t blob_mem = 0;  // 0: a classic resource
    uint32_t blob_flags = 0;
    uint64_t size = 0;           // bytes, whole pages
    bool known_to_host = false;  // the library accepted it
    std::set<FileId> holders;    // files with a handle

    // Guest storage.
    UniqueFd pages;
    Mapping pages_mapping;
    std::vector<iovec> iovecs;

    void* place = nullptr;  // in the host-visible window, for as long as the resource lives

    // The machine monitor's mapping of host storage.
    MapState map_state = MapState::kNone;
    void* address = nullptr;
    uint32_t map_info = 0;
    std::optional<MappedFile> mapped_file;

    // A descriptor that was given out, kept if it is to be given out again: a dma-buf of the
    // guest's, or what the library gives only once.
    UniqueFd descriptor;
    bool keeps_descriptor = false;
    uint64_t descriptor_offset = 0;
    /// Descriptors that were exported hold a shared flock(2): while an exclusive one is refused,
    /// one of them, or a mapping of one, is alive in some process or on its way there.
    bool has_locked_exports = false;
    std::optional<FileIdentity> identity;
};

}  // namespace viaduct::loopback
