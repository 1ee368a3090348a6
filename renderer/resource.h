// One resource, as the renderer's table knows it.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/account/vm_usage.h"
#include "drm-context/native_context.h"
#include "renderer/known_to.h"

namespace viaduct {

/// Where a resource's storage lives, which decides who answers for it.
enum class ResourceHome {
    kClassic,   // the classic renderer: 2D and 3D resources, blobs of virgl and Venus contexts
    kGuest,     // guest memory only (blob_mem GUEST)
    kContext,   // an object of a native context (HOST3D, HOST3D_GUEST)
    kImported,  // a descriptor that the VMM brought
};

/// A descriptor of a resource's storage, as the VMM gets it.
struct ExportedStorage {
    uint32_t fd_type = 0;  // VIRGL_RENDERER_BLOB_FD_TYPE_*
    UniqueFd fd;
};

/// The dma-buf of a resource in guest memory, made at the first request.
struct GuestDmabuf {
    bool asked = false;     // the kernel, about the memory that is attached now
    bool stale = false;     // of memory that was detached since: not given out any more
    SharedFd fd;            // stays until the resource goes, for VMMs keep its number; null: none
    uint64_t detached = 0;  // times that memory was

    SharedFd current() const { return stale ? nullptr : fd; }
    void memory_detached() {
        ++detached;
        if (fd) stale = true;
        if (!fd) asked = false;
    }
};

struct Resource {
    uint32_t id = 0;
    ResourceHome home = ResourceHome::kClassic;
    uint64_t size = 0;  // bytes, of blobs
    uint32_t blob_flags = 0;
    uint32_t fd_type = 0;  // VIRGL_RENDERER_BLOB_FD_TYPE_* of `fd`
    MapCache cache = MapCache::kNone;
    Booking booked;  // one resource of a native context
    /// Control buffer, dma-buf or import; null for opaque objects. Workers that have not received
    /// it yet hold it too.
    SharedFd fd;
    std::shared_ptr<const void> charge;  // BlobObject::charge
    std::shared_ptr<LateBlob> late;      // BlobObject::late, until it is settled
    std::weak_ptr<Context> creator;      // of kContext
    KnownTo known_to;                    // native contexts

    GuestDmabuf guest_dmabuf;  // of kGuest
    iovec* iovecs = nullptr;   // the VMM's, until detached
    int num_iovecs = 0;
    void* priv = nullptr;  // the VMM's

    std::shared_ptr<const void> mapped_file;  // BlobMapSource::file, while it may be mapped
    Mapping mapping;                          // of virgl_renderer_resource_map
    Booking window;                           // of its mapping, by either of the two ways
    bool in_classic = false;  // the classic renderer knows it under the same id (an import)

    bool opaque() const { return home == ResourceHome::kContext && !fd; }
};

}  // namespace viaduct
